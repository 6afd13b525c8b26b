import { invariant } from "../../../shared/errors.js";
import { type ArenaSection, SectionIndex, type SharedSectionIndex } from "./section-index.js";

const smallestChunkBytes = 4 * 1024;
const mostFirstChunkBytes = 64 * 1024;
const largestChunkBytes = 4 * 1024 * 1024;
/** Rows keep the number of their chunk in 16 bits. */
const maxChunks = 65_536;
/** After each so many chunks the next ones are twice as large, so that an arena never reaches `maxChunks`. */
const chunksOfOneSize = 4096;

/** What a worker needs to read an arena: shared memory, so nothing is copied. */
export interface SharedArena {
  chunks: SharedArrayBuffer[];
  sections: SharedSectionIndex;
}

/**
 * The bytes of a memtable: whole sections, as they came, in chunks of shared memory. Bytes that were written do not
 * change while the arena is in use. Once nobody reads an arena any more, its chunks may be given to a later one, which
 * overwrites them (see `Loads`).
 */
export class Arena {
  readonly sections: SectionIndex;
  readonly #buffers: Buffer[] = [];
  readonly #chunks: SharedArrayBuffer[] = [];
  readonly #chunkBytes: number;
  readonly #firstChunkBytes: number;
  readonly #spare: SharedArrayBuffer[];
  #used = 0;
  #chunkedBytes = 0;

  /** `spare`: chunks of arenas that nobody reads any more. Chunks that this arena takes are removed from the list. */
  constructor(expectedBytes: number, sections = SectionIndex.empty(), spare: SharedArrayBuffer[] = []) {
    this.sections = sections;
    this.#spare = spare;
    const share = Math.max(smallestChunkBytes, Math.floor(expectedBytes / 16));
    this.#chunkBytes = Math.min(largestChunkBytes, share);
    this.#firstChunkBytes = Math.min(mostFirstChunkBytes, share);
  }

  /** A worker's view of another thread's arena. */
  static attach(shared: SharedArena): Arena {
    const arena = new Arena(0, SectionIndex.attach(shared.sections));
    for (const chunk of shared.chunks) {
      arena.#chunks.push(chunk);
      arena.#buffers.push(Buffer.from(chunk));
    }
    return arena;
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0;
  }

  /** Allocated bytes, used or not. */
  get allocatedBytes(): number {
    return this.#chunkedBytes + this.sections.memoryBytes;
  }

  append(section: Uint8Array, firstSequence: number): ArenaSection {
    let last = this.#buffers.at(-1);
    if (last === undefined || this.#used + section.byteLength > last.length) {
      const most = this.#chunkBytes * 2 ** Math.floor(this.#chunks.length / chunksOfOneSize);
      const grown = Math.min(most, Math.max(this.#firstChunkBytes, this.#chunkedBytes));
      const chunk = this.#newChunk(Math.max(grown, section.byteLength));
      invariant(this.#chunks.length < maxChunks, "the number of a chunk fits into 16 bits");
      last = Buffer.from(chunk);
      this.#chunks.push(chunk);
      this.#buffers.push(last);
      this.#chunkedBytes += chunk.byteLength;
      this.#used = 0;
    }
    last.set(section, this.#used);
    const start = this.#used;
    this.#used += section.byteLength;
    const placed = { chunk: this.#buffers.length - 1, start, end: this.#used, firstSequence };
    this.sections.push(placed);
    return placed;
  }

  #newChunk(sizeBytes: number): SharedArrayBuffer {
    const at = this.#spare.findIndex((chunk) => chunk.byteLength >= sizeBytes);
    return at < 0 ? new SharedArrayBuffer(sizeBytes) : this.#spare.splice(at, 1)[0]!;
  }

  buffer(chunk: number): Buffer {
    const buffer = this.#buffers[chunk];
    invariant(buffer !== undefined, "an arena chunk exists");
    return buffer;
  }

  share(): SharedArena {
    return { chunks: this.#chunks, sections: this.sections.share() };
  }
}
