import { Fifo } from "./fifo.js";

/** A turn of the event loop costs about as much as this many answers. */
const answersPerTurn = 64;
/** Of the large answers that had to wait, in one turn come no more than cost so much. */
const largePerTurn = 128;

interface LargeAnswer {
  cost: number;
  resolve(): void;
}

/**
 * Answers that are known at once, only so many in a turn of the event loop: calls that are answered from memory, and
 * writes that wait for nothing, made one after the other would keep everything else waiting, also the calls of others
 * that the shards answer.
 */
export class TurnLimit {
  #answers = 0;
  #isTurnWanted = false;
  #deferred: (() => void)[] = [];
  readonly #large = new Fifo<LargeAnswer>();

  answer<T>(value: T): Promise<T> {
    this.#answers += 1;
    if (this.#answers < answersPerTurn) {
      return Promise.resolve(value);
    }
    this.#wantTurn();
    return new Promise((resolve) => {
      this.#deferred.push(() => resolve(value));
    });
  }

  /** `cost`: in answers of the usual kind. */
  answerLarge<T>(value: T, cost: number): Promise<T> {
    this.#answers += cost;
    if (this.#answers < answersPerTurn && this.#large.length === 0) {
      return Promise.resolve(value);
    }
    this.#wantTurn();
    return new Promise((resolve) => {
      this.#large.push({ cost, resolve: () => resolve(value) });
    });
  }

  #wantTurn(): void {
    if (!this.#isTurnWanted) {
      this.#isTurnWanted = true;
      setImmediate(this.#nextTurn);
    }
  }

  readonly #nextTurn = (): void => {
    this.#isTurnWanted = false;
    const deferred = this.#deferred;
    this.#deferred = [];
    this.#answers = 0;
    for (const resolve of deferred) {
      resolve();
    }
    for (let cost = 0; cost < largePerTurn && this.#large.length > 0; ) {
      const answer = this.#large.shift()!;
      cost += answer.cost;
      answer.resolve();
    }
    if (this.#large.length > 0) {
      this.#wantTurn();
    }
  };
}
