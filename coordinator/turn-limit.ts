/** A turn of the event loop costs about as much as this many answers. */
const answersPerTurn = 64;

/**
 * Answers that are known at once, only so many in a turn of the event loop: calls that are answered from memory, and
 * writes that wait for nothing, made one after the other would keep everything else waiting, also the calls of others
 * that the shards answer.
 */
export class TurnLimit {
  #answers = 0;
  #deferred: (() => void)[] = [];

  /** `cost`: in answers of the usual kind. */
  answer<T>(value: T, cost = 1): Promise<T> {
    this.#answers += cost;
    if (this.#answers < answersPerTurn) {
      return Promise.resolve(value);
    }
    if (this.#deferred.length === 0) {
      setImmediate(this.#nextTurn);
    }
    return new Promise((resolve) => {
      this.#deferred.push(() => resolve(value));
    });
  }

  readonly #nextTurn = (): void => {
    const deferred = this.#deferred;
    this.#deferred = [];
    this.#answers = 0;
    for (const resolve of deferred) {
      resolve();
    }
  };
}
