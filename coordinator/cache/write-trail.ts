import { type ByteString, byteStringOf, bytesOf } from "../../shared/bytes.js";

/** Keys that are longer are not kept, and count as any key. */
const mostKeyBytes = 1024;
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
    if (key.length > mostKeyBytes) {
      this.noteMany();
      return;
    }
    // The program's own string may be a part of a much larger one, which would be kept with it.
    this.#keys[this.#writes % keptWrites] = byteStringOf(bytesOf(key));
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
