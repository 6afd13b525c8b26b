/** One workload on one store in one round. */

export interface Latencies {
  p50Us: number;
  p95Us: number;
  p99Us: number;
  p999Us: number;
  maxUs: number;
}

export interface Measurement {
  /** Calls: a batch, a scan or a getMany is one. */
  operations: number;
  /** Records put or read. */
  entries: number;
  elapsedMs: number;
  entriesPerSecond: number;
  latencies: Latencies | undefined;
  /** The longest time in which no call was answered. */
  longestPauseMs: number;
  /** Records in each slice of time since the start. */
  timeline: { sliceMs: number; entries: number[] };
  /** Any other useful numbers: bytes, counts, rates. */
  figures?: Record<string, number>;
}
