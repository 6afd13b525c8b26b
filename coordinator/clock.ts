/** The coordinator's clock: wall time in milliseconds that never runs backwards, over restarts either. */
export class Clock {
  readonly #now: () => number;
  #last = 0;
  /** How many calls want it to stand still. */
  #holders = 0;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Takes note of a time that was seen before: in a file, or from a shard. */
  noteSeen(timeMs: number): void {
    this.#last = Math.max(this.#last, timeMs);
  }

  now(): number {
    if (this.#holders > 0) {
      return this.#last;
    }
    const now = this.#now();
    if (now > this.#last) {
      this.#last = now;
    }
    return this.#last;
  }

  /** Gives the time, and stands still until `goOn`: what a call asks of several shards, in several frames, is asked at one moment. */
  standStill(): number {
    const now = this.now();
    this.#holders += 1;
    return now;
  }

  goOn(): void {
    this.#holders -= 1;
  }
}
