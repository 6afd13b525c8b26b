/** What the runner requests from a process, and the messages that it gets back. */

import type { ValueKind } from "../data/records.js";
import type { Measurement } from "../measure/measurement.js";

export interface Job {
  peer: string;
  group: string;
  workloads: string[];
  /** A folder for the process's own use. It is empty, and is removed afterwards. */
  folder: string;
  /** A loaded database: with the records, or with YCSB's if the group uses those. */
  preparedFolder: string;
  records: number;
  valueKind: ValueKind;
  /** How long a workload without an end of its own runs. */
  seconds: number;
  /** How long the workload that measures pauses runs. */
  pausesSeconds: number;
  /** Differs from round to round, and is the same for all stores. */
  seed: number;
}

export type JobMessage =
  | { type: "processes"; pids: number[] }
  | { type: "begin"; workload: string }
  | { type: "result"; workload: string; measurement: Measurement }
  | { type: "failed"; message: string };
