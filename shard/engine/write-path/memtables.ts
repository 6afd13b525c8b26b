import { Memtable } from "../memtable/memtable.js";

/** The active memtable, which takes the writes, and the sealed ones that wait for their flush. */
export class Memtables {
  /** Oldest first. */
  readonly sealed: Memtable[] = [];
  readonly #maxBytes: number;
  #active: Memtable;

  constructor(firstLogNumber: number, maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#active = new Memtable(firstLogNumber, { expectedBytes: maxBytes });
  }

  get active(): Memtable {
    return this.#active;
  }

  /** How full the active memtable is; at 1 it is to be sealed. */
  get activeFill(): number {
    return this.#active.memoryBytes / this.#maxBytes;
  }

  get isActiveFull(): boolean {
    return this.activeFill >= 1;
  }

  get isActiveHalfFull(): boolean {
    return this.activeFill >= 0.5;
  }

  /** Seals the active memtable if it was touched. A new one takes the operations from WAL segment `logNumber` on. */
  moveOn(logNumber: number): void {
    if (this.#active.isTouched) {
      this.sealed.push(this.#active);
    }
    this.#active = new Memtable(logNumber, { expectedBytes: this.#maxBytes });
  }

  /** The lowest sequence number that is not flushed; infinity if there is nothing to flush. */
  get oldestSequence(): number {
    return Math.min(...[...this.sealed, this.#active].map((memtable) => memtable.minSequence));
  }
}
