/** What the runner asks a process for, and what it hears from it. */

import type { ValueKind } from "../data/records.js";
import type { Measurement } from "../measure/measurement.js";

export interface Job {
  peer: string;
  group: string;
  workloads: string[];
  /** Where the process may keep what it likes. It is empty, and removed afterwards. */
  folder: string;
  /** A loaded database: of the records, or of YCSB's where the group works on those. */
  preparedFolder: string;
  records: number;
  valueKind: ValueKind;
  /** How long a workload that has no end of its own is run. */
  seconds: number;
  /** How long the workload on pauses is run. */
  pausesSeconds: number;
  /** Differs from round to round, and is the same for all stores. */
  seed: number;
}

export type JobMessage =
  | { type: "processes"; pids: number[] }
  | { type: "begin"; workload: string }
  | { type: "result"; workload: string; measurement: Measurement }
  | { type: "failed"; message: string };
