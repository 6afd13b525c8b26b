import { Fifo } from "./fifo.js";

/** A turn of the event loop costs about as much as this many answers. */
const answersPerTurn = 64;
/** Cost budget per turn for large deferred answers. */
const largePerTurn = 128;

interface LargeAnswer {
  cost: number;
  resolve(): void;
}

/**
 * Limits the number of immediate answers per turn of the event loop. Without it, successive calls answered from memory,
 * and writes that wait for nothing, would block everything else, including other calls that shards answer.
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

  /** `cost` is in units of normal answers. */
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
