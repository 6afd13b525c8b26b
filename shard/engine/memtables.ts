import { Memtable } from "./memtable/memtable.js";

/** The memtable that takes the writes, and the sealed ones that wait for their flush. */
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

  /** How full the active memtable is: 1 where it is to be sealed. */
  get activeFill(): number {
    return this.#active.memoryBytes / this.#maxBytes;
  }

  get isActiveFull(): boolean {
    return this.activeFill >= 1;
  }

  get isActiveHalfFull(): boolean {
    return this.activeFill >= 0.5;
  }

  /** What comes from the WAL segment `logNumber` on goes to a new memtable. */
  moveOn(logNumber: number): void {
    if (this.#active.isTouched) {
      this.sealed.push(this.#active);
    }
    this.#active = new Memtable(logNumber, { expectedBytes: this.#maxBytes });
  }

  /** Infinity where there is nothing to flush. */
  get oldestSequence(): number {
    return Math.min(...[...this.sealed, this.#active].map((memtable) => memtable.minSequence));
  }
}
