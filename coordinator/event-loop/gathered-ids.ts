/** Ids that are announced together: with the next message, or at the end of this turn of the event loop. */
export class GatheredIds {
  readonly #tell: (ids: number[]) => void;
  #ids: number[] = [];
  #telling: NodeJS.Immediate | undefined;

  constructor(tell: (ids: number[]) => void) {
    this.#tell = tell;
  }

  add(id: number): void {
    this.#ids.push(id);
    this.#telling ??= setImmediate(() => {
      this.#telling = undefined;
      this.tellNow();
    });
  }

  tellNow(): void {
    if (this.#ids.length > 0) {
      this.#tell(this.take());
    }
  }

  /** Removes and returns the ids, for a message that is sent anyway. */
  take(): number[] {
    const ids = this.#ids;
    this.#ids = [];
    return ids;
  }
}
