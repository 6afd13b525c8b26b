/** The coordinator's clock: wall time in milliseconds that never runs backwards, not even across restarts. */
export class Clock {
  readonly #now: () => number;
  #last = 0;
  /** Number of calls that need the clock to stand still. */
  #holders = 0;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Notes a time seen earlier, in a file or from a shard. */
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

  /**
   * Returns the time, and stops the clock until `unfreeze`. A call that sends several frames to several shards reads
   * them all at one moment.
   */
  freeze(): number {
    const now = this.now();
    this.#holders += 1;
    return now;
  }

  unfreeze(): void {
    this.#holders -= 1;
  }
}
