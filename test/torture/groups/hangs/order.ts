export const hangNames = [
  "frozen disk",
  "paused shard",
  "paused shard, coordinator killed",
  "paused coordinator",
  "out of memory",
  "crash at every start",
] as const;
export type HangName = (typeof hangNames)[number];

/** What the program of one case is told. */
export interface HangOrder {
  storeUrl: string;
  root: string;
  hang: HangName;
  seed: number;
}

export const hangVariable = "FASTKV_TEST_HANG";
