/** What is done again and again while the figures are watched. */

import type { Random } from "../../../support/random.js";
import type { Store } from "../../group.js";
import type { Meter } from "./meter.js";

/** What a work is given. */
export interface WorkPlace {
  readonly store: Store;
  readonly root: string;
  readonly runtimeFolder: string;
  readonly meter: Meter;
  readonly random: Random;
}

export interface Work {
  /** One operation, or one that fails as it has to. Throws where FastKV does not do what it should. */
  operate(): Promise<void>;
  /** Before figures are taken: ends what is under way, and says what else is to be watched. */
  settle(): Promise<Record<string, number>>;
  end(): Promise<void>;
}

export type WorkName = "opens" | "scans" | "snapshots" | "churn";

/** What `program.ts` is told. */
export interface WorkOrder {
  readonly work: WorkName;
  readonly storeUrl: string;
  readonly root: string;
  readonly seed: number;
  /** How often figures are taken. */
  readonly rounds: number;
  readonly operationsOfRound: number;
  /** For all rounds; those that take longer than their part of it end early. */
  readonly timeMs: number;
}
