/** Writes that arrive faster than they are flushed and compacted continue at this rate ... */
const firstBytesPerMs = 32 * 1024;
/** ... which falls to this one at the lowest, the closer a stop is. */
const lastBytesPerMs = 512;
/**
 * Timers are no finer than this. A shorter delay is skipped and added to the following one. If a timer is late, the
 * following delay is shorter by at most this.
 */
const shortestDelayMs = 2;
const longestDelayMs = 20;

/**
 * The pace of slowed writes. It counts bytes, not frames: if each small frame had to wait for a timer, frames would be
 * answered one by one, and would be followed by even smaller ones.
 */
export class WritePace {
  readonly #monotonicMs: () => number;
  /** The time until which the writes let through so far take, each at the rate of its time. */
  #paidUntilMs = 0;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** How many ms a write of this many bytes has to wait. `pressure` is from 0 to 1; at 1 writes stop. */
  delayOf(bytes: number, pressure: number): number {
    const now = this.#monotonicMs();
    const bytesPerMs = Math.max(lastBytesPerMs, firstBytesPerMs * (1 - pressure));
    const paidUntilMs = Math.max(now - shortestDelayMs, this.#paidUntilMs) + bytes / bytesPerMs;
    this.#paidUntilMs = Math.min(paidUntilMs, now + longestDelayMs);
    const delayMs = this.#paidUntilMs - now;
    return delayMs < shortestDelayMs ? 0 : delayMs;
  }
}
