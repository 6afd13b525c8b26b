/** Holds that are given back to a shard: with the next request, or at the end of this turn of the event loop. */
export class ReleasedHolds {
  readonly #send: (ids: number[]) => void;
  #ids: number[] = [];
  #sending: NodeJS.Immediate | undefined;

  constructor(send: (ids: number[]) => void) {
    this.#send = send;
  }

  add(holdId: number): void {
    this.#ids.push(holdId);
    this.#sending ??= setImmediate(() => {
      this.#sending = undefined;
      this.sendNow();
    });
  }

  sendNow(): void {
    if (this.#ids.length > 0) {
      this.#send(this.take());
    }
  }

  /** For what is sent anyway. */
  take(): number[] {
    const ids = this.#ids;
    this.#ids = [];
    return ids;
  }
}
