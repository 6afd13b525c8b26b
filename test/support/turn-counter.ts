/** Counts the turns of the event loop, until it is stopped. */
export class TurnCounter {
  turns = 0;
  #isStopped = false;

  constructor() {
    setImmediate(this.#count);
  }

  stop(): void {
    this.#isStopped = true;
  }

  readonly #count = (): void => {
    this.turns += 1;
    if (!this.#isStopped) {
      setImmediate(this.#count);
    }
  };
}
