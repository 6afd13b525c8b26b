/** Measures the time of operations as cheaply as possible, because every store pays for it. */

import { performance } from "node:perf_hooks";
import type { Latencies, Measurement } from "./measurement.js";

const sliceMs = 100;
/** With tens of millions of latencies, growing a single array would cause a pause of its own. */
const chunkLength = 1 << 16;

export class Meter {
  readonly #chunks: Float64Array[] = [];
  #chunk = new Float64Array(0);
  #count = 0;
  #entries = 0;
  readonly #startedMs = performance.now();
  readonly #endMs: number;
  #lastMs = this.#startedMs;
  #stoppedMs: number | undefined;
  #longestPauseMs = 0;
  readonly #timeline: number[] = [];

  /** @param limitMs time after which `isOver` is true */
  constructor(limitMs: number) {
    this.#endMs = this.#startedMs + limitMs;
  }

  get isOver(): boolean {
    return this.#lastMs >= this.#endMs;
  }

  get operations(): number {
    return this.#count;
  }

  /** Counts an operation that began at `startedMs` and handled `entries` entries. */
  done(startedMs: number, entries: number): void {
    const now = performance.now();
    const place = this.#count % chunkLength;
    if (place === 0) {
      this.#chunk = new Float64Array(chunkLength);
      this.#chunks.push(this.#chunk);
    }
    this.#chunk[place] = now - startedMs;
    this.#count += 1;
    this.progress(entries, now);
  }

  /** Counts entries of an operation that is still running. */
  progress(entries: number, now = performance.now()): void {
    this.#entries += entries;
    const slice = Math.floor((now - this.#startedMs) / sliceMs);
    while (this.#timeline.length <= slice) {
      this.#timeline.push(0);
    }
    this.#timeline[slice] = this.#timeline[slice]! + entries;
    const pause = now - this.#lastMs;
    if (pause > this.#longestPauseMs) {
      this.#longestPauseMs = pause;
    }
    this.#lastMs = now;
  }

  /** Ends the measured time: later work, such as counting bytes on disk, is not included. */
  stop(): void {
    this.#stoppedMs ??= performance.now();
  }

  finish(): Measurement {
    this.stop();
    const elapsedMs = this.#stoppedMs! - this.#startedMs;
    return {
      operations: this.#count,
      entries: this.#entries,
      elapsedMs,
      entriesPerSecond: (this.#entries / elapsedMs) * 1_000,
      latencies: this.#latencies(),
      longestPauseMs: this.#longestPauseMs,
      timeline: { sliceMs, entries: this.#timeline },
    };
  }

  #latencies(): Latencies | undefined {
    if (this.#count === 0) {
      return undefined;
    }
    const all = new Float64Array(this.#chunks.length * chunkLength);
    this.#chunks.forEach((chunk, at) => {
      all.set(chunk, at * chunkLength);
    });
    const sorted = all.subarray(0, this.#count).sort();
    const us = (part: number): number =>
      sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]! * 1_000;
    return {
      p50Us: us(0.5),
      p95Us: us(0.95),
      p99Us: us(0.99),
      p999Us: us(0.999),
      maxUs: us(1),
    };
  }
}
