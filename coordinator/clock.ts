/** The coordinator's clock: wall time in milliseconds that never runs backwards, over restarts either. */
export class Clock {
  readonly #now: () => number;
  #last = 0;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Takes note of a time that was seen before: in a file, or from a shard. */
  noteSeen(timeMs: number): void {
    this.#last = Math.max(this.#last, timeMs);
  }

  now(): number {
    const now = this.#now();
    if (now > this.#last) {
      this.#last = now;
    }
    return this.#last;
  }
}
