import type { ShortageName } from "./shortage.js";

/** What the program of one case is told. */
export interface FullDiskOrder {
  storeUrl: string;
  root: string;
  shortage: ShortageName;
  seed: number;
}

export const fullDiskVariable = "FASTKV_TEST_FULL_DISK";
