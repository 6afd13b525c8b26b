/** What the program of a life and the one who watches it have to agree on. */

import { StrikeWorkload } from "../../crash/processes/strikes/workload.js";

/** What the program does follows from its seed and its shards. */
export function workloadOf(seed: number, shards: number): StrikeWorkload {
  return new StrikeWorkload(seed, { shards, expiring: 0.15, wideKeys: wideKeysOfShard * shards });
}

/** More keys than a clear makes plain deletes of. */
const wideKeysOfShard = 320;

export function stateName(look: number): string {
  return `state-${look}.json`;
}

export interface LifePlan {
  readonly folder: string;
  readonly runtimeFolder: string;
  /** A folder for what the program finds and for its errors. */
  readonly notes: string;
  readonly seed: number;
  readonly shards: number;
  readonly syncIntervalMs: number;
}
