/**
 * Polls for an answer instead of sleeping until it arrives. A call that is awaited alone takes two wake-ups, one of the
 * shard's process and one of this process, and they are most of its time. While this process keeps its event loop
 * turning, its own wake-up is avoided: 40 to 50 % more sequential gets and puts (docs/performance-experiments.md).
 *
 * It polls only while a processor is free for it, that is, while calls wait for fewer shards than there are processors,
 * and never for long. If answers take longer than that (a sync, a disk), it soon polls only now and then. If others
 * need the processors, polling takes them from the shards and answers arrive later; so both ways are tried from time to
 * time.
 */

import { availableParallelism } from "node:os";
import { AdaptiveChoice } from "./adaptive-choice.js";

/** A get takes about 0.05 ms. */
const longestPollMs = 0.2;
/** Maximum number of chances to skip after polls that were in vain. */
const mostSkipped = 255;

export interface PolledShard {
  /** Whether somebody waits for an answer of this shard. */
  readonly isAwaited: boolean;
}

export class BusyPoll {
  readonly #shards: Iterable<PolledShard>;
  readonly #processors: number;
  readonly #now: () => number;
  /** The first way is to poll, the second to sleep. */
  readonly #way = new AdaptiveChoice();
  #isPolling = false;
  #endMs = 0;
  /** When the current exchange began, if it can be polled for; else 0. */
  #sentMs = 0;
  /** Number of chances still to skip, and of those to skip after the next poll in vain. */
  #skip = 0;
  #nextSkip = 0;

  /** `now`: a monotonic clock, in ms. */
  constructor(
    shards: Iterable<PolledShard>,
    { processors = availableParallelism(), now = () => performance.now() } = {},
  ) {
    this.#shards = shards;
    this.#processors = processors;
    this.#now = now;
  }

  /** Something was sent whose answer may be awaited. */
  noteSent(): void {
    if (this.#sentMs !== 0 || !this.#hasRoom()) {
      return;
    }
    const mayStart = this.#way.isFirst && !this.#isPolling;
    if (mayStart && this.#skip > 0) {
      this.#skip -= 1;
      return;
    }
    this.#sentMs = this.#now();
    if (mayStart) {
      this.#isPolling = true;
      this.#endMs = this.#sentMs + longestPollMs;
      setImmediate(this.#turn);
    }
  }

  noteReceived(): void {
    if (this.#sentMs === 0) {
      return;
    }
    const nowMs = this.#now();
    this.#way.note(nowMs - this.#sentMs);
    this.#sentMs = 0;
    if (this.#isPolling) {
      this.#nextSkip = 0;
      this.#endMs = nowMs + longestPollMs;
    }
  }

  /** Between two turns the event loop checks for answers. It does not sleep, because another turn is scheduled. */
  readonly #turn = (): void => {
    if (!this.#way.isFirst || !this.#hasRoom()) {
      this.#isPolling = false;
    } else if (this.#now() >= this.#endMs) {
      this.#nextSkip = Math.min(mostSkipped, this.#nextSkip * 2 + 1);
      this.#skip = this.#nextSkip;
      this.#isPolling = false;
    } else {
      setImmediate(this.#turn);
    }
  };

  /** Whether an answer is awaited and a processor is left for this process. */
  #hasRoom(): boolean {
    let awaited = 0;
    for (const shard of this.#shards) {
      if (shard.isAwaited) {
        awaited += 1;
      }
    }
    return awaited > 0 && awaited < this.#processors;
  }
}
