import type { ByteString } from "../../shared/bytes.js";

/** Who has a mark further back is told that everything may have been written since. */
const keptWrites = 256;

/** The last keys that were written to a shard: whether what was asked for before them is still true when it comes. */
export class WriteTrail {
  readonly #keys: ByteString[] = new Array(keptWrites).fill("");
  #writes = 0;
  /** Marks before this one are void. */
  #voidBefore = 0;

  /** Where the trail is now. */
  get mark(): number {
    return this.#writes;
  }

  note(key: ByteString): void {
    this.#keys[this.#writes % keptWrites] = key;
    this.#writes += 1;
  }

  /** Keys were written that nobody names. */
  noteMany(): void {
    this.#writes += 1;
    this.#voidBefore = this.#writes;
  }

  /** Whether a key of the range may have been written since the mark. `upper` null: to the end. */
  touches(mark: number, lower: ByteString, upper: ByteString | null): boolean {
    if (mark < this.#voidBefore || this.#writes - mark > keptWrites) {
      return true;
    }
    for (let at = mark; at < this.#writes; at++) {
      const key = this.#keys[at % keptWrites]!;
      if (key >= lower && (upper === null || key < upper)) {
        return true;
      }
    }
    return false;
  }
}
