import { type ByteString, byteStringOf, bytesOf } from "../../shared/bytes.js";

/** Longer keys are not kept, and count as any key. */
const mostKeyBytes = 1024;
/** For older marks, everything may have been written since. */
const keptWrites = 256;

/**
 * The keys last written to a shard. They tell whether an answer requested before these writes is still valid when it
 * arrives.
 */
export class RecentWrites {
  readonly #keys: ByteString[] = new Array(keptWrites).fill("");
  #writes = 0;
  /** Older marks are void. */
  #voidBefore = 0;

  /** The current position of the trail. */
  get mark(): number {
    return this.#writes;
  }

  note(key: ByteString): void {
    if (key.length > mostKeyBytes) {
      this.noteMany();
      return;
    }
    // The program's own string may be a slice of a much larger one, which would be kept alive.
    this.#keys[this.#writes % keptWrites] = byteStringOf(bytesOf(key));
    this.#writes += 1;
  }

  /** Notes a write whose keys are not known one by one. */
  noteMany(): void {
    this.#writes += 1;
    this.#voidBefore = this.#writes;
  }

  /** Whether a key of the range may have been written since the mark. `upper` null means no upper end. */
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
