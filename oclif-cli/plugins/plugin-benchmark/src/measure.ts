/** Measuring: a latency histogram, a timeline of throughput, and a driver that keeps calls in flight. */

import { createHistogram, performance, type RecordableHistogram } from "node:perf_hooks";

export interface Latencies {
  meanUs: number;
  p50Us: number;
  p95Us: number;
  p99Us: number;
  p999Us: number;
  maxUs: number;
  /** The latency in microseconds at each percentile, for a chart. */
  distribution: [percentile: number, us: number][];
}

export interface Sample {
  /** Since the workload's start. */
  atMs: number;
  operations: number;
}

const chartPercentiles = [0, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 100];
const maxSamples = 20_000;

export class Meter {
  /** Node's own HDR histogram, in nanoseconds. */
  readonly #histogram: RecordableHistogram = createHistogram({
    lowest: 1,
    highest: 3_600_000_000_000,
    figures: 3,
  });
  readonly #startedMs = performance.now();
  readonly #intervalMs: number;
  readonly samples: Sample[] = [];
  #dueMs: number;
  operations = 0;
  /** Records touched; one operation may touch several. */
  records = 0;
  readonly #onProgress: (operations: number) => void;

  constructor(intervalMs: number, onProgress: (operations: number) => void) {
    this.#intervalMs = intervalMs;
    this.#dueMs = this.#startedMs + intervalMs;
    this.#onProgress = onProgress;
  }

  /** Counts one operation that began at `startedMs`. */
  done(startedMs: number, records = 1): void {
    const now = performance.now();
    this.#histogram.record(Math.max(1, Math.round((now - startedMs) * 1e6)));
    this.count(1, records, now);
  }

  /** Counts without a latency, such as the progress of a bulk load. */
  count(operations: number, records: number, nowMs = performance.now()): void {
    this.operations += operations;
    this.records += records;
    if (nowMs >= this.#dueMs && this.samples.length < maxSamples) {
      this.samples.push({ atMs: nowMs - this.#startedMs, operations: this.records });
      this.#dueMs = nowMs + this.#intervalMs;
      this.#onProgress(this.records);
    }
  }

  finish(): { elapsedMs: number; latencies: Latencies | undefined } {
    const elapsedMs = performance.now() - this.#startedMs;
    this.samples.push({ atMs: elapsedMs, operations: this.records });
    const histogram = this.#histogram;
    if (histogram.count === 0) {
      return { elapsedMs, latencies: undefined };
    }
    const us = (percentile: number): number => histogram.percentile(percentile) / 1_000;
    return {
      elapsedMs,
      latencies: {
        meanUs: histogram.mean / 1_000,
        p50Us: us(50),
        p95Us: us(95),
        p99Us: us(99),
        p999Us: us(99.9),
        maxUs: histogram.max / 1_000,
        distribution: chartPercentiles.map((percentile) => [
          percentile,
          percentile === 0 ? histogram.min / 1_000 : us(percentile),
        ]),
      },
    };
  }
}

/** Calls `operation` for 0 to count - 1 with at most `inFlight` calls in flight at a time. */
export async function drive(
  count: number,
  inFlight: number,
  signal: AbortSignal,
  operation: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      signal.throwIfAborted();
      await operation(next++);
    }
  };
  await Promise.all(Array.from({ length: Math.min(inFlight, count) }, lane));
}
