/**
 * Watching for an answer instead of sleeping until it comes. A call that is awaited alone takes two wake-ups, of the
 * shard's process and of this one, and they are most of its time; while this process keeps its event loop turning, its
 * own is spared: 40 to 50 % more gets and puts one by one (docs/performance.md).
 *
 * Only while a processor is free for it, that is, while fewer shards are awaited than there are processors, and never for
 * long. Where answers come later than that (a sync, a disk), it soon tries no more than now and then. Where others want the
 * processors, watching takes them from the shards, and answers come later for it: so now and then both ways are tried.
 */

import { availableParallelism } from "node:os";
import { FasterWay } from "./faster-way.js";

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
  /** The first way is to poll, the second to sleep. */
  readonly #way = new FasterWay();
  #isPolling = false;
  #endMs = 0;
  /** When the exchange under way began, where it could be polled for; else 0. */
  #sentMs = 0;
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

  /** Between two turns the event loop looks for answers, and does not sleep since there is another turn to come. */
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

  /** Somebody is awaited, and a processor left for this process. */
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
