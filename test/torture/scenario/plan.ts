/** What a life of the program is told, and what it says. */

import type { OpenOptions } from "../../../coordinator/calls/options.js";
import { type Call, StrikeWorkload, shards } from "../../crash/processes/strikes/workload.js";

export interface LifeOrder {
  storeUrl: string;
  folder: string;
  runtimeFolder: string;
  /** A file that takes all that the program finds at its end. */
  stateFile: string;
  seed: number;
  /** Rounds of calls before it reads everything and closes. */
  rounds: number;
  /** After so many rounds it waits, to be killed. */
  waits: boolean;
  /** Calls of durability "none" are made as "background": a refusal of the former is told to nobody. */
  tellsAll: boolean;
  /** How the starts of shards are run, by their number: the path of a program in place of Node's. */
  starters: Record<number, string>;
}

export const lifeVariable = "FASTKV_TEST_LIFE";

/** Small memtables, so that a short life has flushes and compactions. */
export const lifeOptions: OpenOptions = {
  shards,
  maxMemtableSize: 64 * 1024,
  syncInterval: 5,
  readCacheSize: 0,
  scanCacheSize: 0,
};

/** The rounds of calls, the same for the program and for the one who listens. */
export function roundsOf({
  seed,
  rounds,
  tellsAll,
}: Pick<LifeOrder, "seed" | "rounds" | "tellsAll">): Call[][] {
  const workload = new StrikeWorkload(seed);
  return Array.from({ length: rounds }, (_, number) =>
    workload.round(number).map((call): Call => {
      const isQuiet = call.type === "write" && call.durability === "none" && tellsAll;
      return isQuiet ? { ...call, durability: "background" } : call;
    }),
  );
}
