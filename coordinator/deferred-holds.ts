/**
 * Holds of scans that the scan cache has answered so far. A hold matters to a shard only behind a later write, so it is
 * told before the next one; else at the end of this turn of the event loop, when most of these scans are over.
 */
export class DeferredHolds {
  readonly #tell: (id: number) => void;
  #ids: number[] = [];
  #telling: NodeJS.Immediate | undefined;

  constructor(tell: (id: number) => void) {
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
      const ids = this.#ids;
      this.#ids = [];
      for (const id of ids) {
        this.#tell(id);
      }
    }
  }
}
