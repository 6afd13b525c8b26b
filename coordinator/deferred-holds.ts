/**
 * Holds that no shard knows of so far, of snapshots and of scans that the scan cache has answered. A hold matters to a shard
 * only behind a later write, and behind a frame of a later time: so it is told before the next frame leaves; else at the end
 * of this turn of the event loop, when most scans from memory are over.
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
