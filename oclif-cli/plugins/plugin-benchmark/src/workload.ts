/** Describes a workload: what it needs, and what it does while it is measured. */

import type { FastKV } from "fastkv";
import type { Meter } from "./measure.js";
import type { WorkloadName } from "./workload-names.js";

export interface Settings {
  records: number;
  valueSizeBytes: number;
  inFlight: number;
  seed: number;
}

export interface Context extends Settings {
  db: FastKV;
  meter: Meter;
  signal: AbortSignal;
  value: (number: number) => string;
}

export interface Workload {
  name: WorkloadName;
  summary: string;
  /** "empty": a new database. "loaded": one that holds all records, shared by the workloads that use it. */
  database: "empty" | "loaded";
  /** How many records it touches, for the progress bar. */
  total(settings: Settings): number;
  run(context: Context): Promise<void>;
}
