/**
 * Watching for an answer instead of sleeping until it comes. A call that is awaited alone takes two wake-ups, of the
 * shard's process and of this one, and they are most of its time; while this process keeps its event loop turning, its
 * own is spared: 40 to 50 % more gets and puts one by one (docs/performance.md).
 *
 * Only while a processor is free for it, that is, while fewer shards are awaited than there are processors, and never for
 * long. Where answers come later than that (a sync, a disk), it soon tries no more than now and then.
 */

import { availableParallelism } from "node:os";

/** A get takes some 0.05 ms. */
const longestPollMs = 0.2;
/** After polls in vain so many chances at most are left out. */
const mostSkipped = 255;

export interface PolledShard {
  /** Somebody waits for an answer from it. */
  readonly isAwaited: boolean;
}

export class BusyPoll {
  readonly #shards: Iterable<PolledShard>;
  readonly #processors: number;
  readonly #now: () => number;
  #isPolling = false;
  #endMs = 0;
  /** How many chances are to be left out yet, and after the next poll in vain. */
  #skip = 0;
  #nextSkip = 0;

  /** `now`: a clock that never goes back, in ms. */
  constructor(
    shards: Iterable<PolledShard>,
    { processors = availableParallelism(), now = () => performance.now() } = {},
  ) {
    this.#shards = shards;
    this.#processors = processors;
    this.#now = now;
  }

  /** Something was sent that may be awaited. */
  noteSent(): void {
    if (this.#isPolling) {
      return;
    }
    const awaited = this.#countAwaited();
    if (awaited === 0 || awaited >= this.#processors) {
      return;
    }
    if (this.#skip > 0) {
      this.#skip -= 1;
      return;
    }
    this.#isPolling = true;
    this.#endMs = this.#now() + longestPollMs;
    setImmediate(this.#turn);
  }

  noteReceived(): void {
    if (this.#isPolling) {
      this.#nextSkip = 0;
      this.#endMs = this.#now() + longestPollMs;
    }
  }

  /** Between two turns the event loop looks for answers, and does not sleep since there is another turn to come. */
  readonly #turn = (): void => {
    const awaited = this.#countAwaited();
    if (awaited === 0 || awaited >= this.#processors) {
      this.#isPolling = false;
    } else if (this.#now() >= this.#endMs) {
      this.#nextSkip = Math.min(mostSkipped, this.#nextSkip * 2 + 1);
      this.#skip = this.#nextSkip;
      this.#isPolling = false;
    } else {
      setImmediate(this.#turn);
    }
  };

  #countAwaited(): number {
    let awaited = 0;
    for (const shard of this.#shards) {
      if (shard.isAwaited) {
        awaited += 1;
      }
    }
    return awaited;
  }
}
