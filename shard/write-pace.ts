/** Writes that come faster than they are flushed and compacted go on at this rate ... */
const firstBytesPerMs = 32 * 1024;
/** ... which falls, the nearer a stop is, at most to this. */
const lastBytesPerMs = 512;
/** Timers are no finer than this: what comes to less is let through, and counts with what follows; so does a timer that is late. */
const shortestDelayMs = 2;
const longestDelayMs = 20;

/**
 * The pace of writes that are slowed. It counts bytes, not frames: small frames that each had to wait for a timer would
 * be answered one by one, and be followed by still smaller ones.
 */
export class WritePace {
  readonly #monotonicMs: () => number;
  /** What was let through takes until then at the rate of its time. */
  #paidUntilMs = 0;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** How long a write of so many bytes has to wait, in ms; `pressure` is from 0 to 1, where writes stop. */
  delayOf(bytes: number, pressure: number): number {
    const now = this.#monotonicMs();
    const bytesPerMs = Math.max(lastBytesPerMs, firstBytesPerMs * (1 - pressure));
    const paidUntilMs = Math.max(now - shortestDelayMs, this.#paidUntilMs) + bytes / bytesPerMs;
    this.#paidUntilMs = Math.min(paidUntilMs, now + longestDelayMs);
    const delayMs = this.#paidUntilMs - now;
    return delayMs < shortestDelayMs ? 0 : delayMs;
  }
}
