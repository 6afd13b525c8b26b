import type { Bench } from "./bench.js";

/** Workloads that run one after the other in one process. */
export interface Group {
  name: string;
  /** Its workloads, in the order in which they run. */
  workloads: readonly string[];
  /** Runs only if it is named. */
  onlyOnRequest?: true;
  prepared?: "records" | "ycsb";
  /** Runs beforehand in a separate process, and ends by killing it. */
  before?: (bench: Bench) => Promise<void>;
  run(bench: Bench): Promise<void>;
}
