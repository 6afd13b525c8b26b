import { invariant } from "../../../shared/errors.js";

const smallestChunkBytes = 4 * 1024;
const mostFirstChunkBytes = 64 * 1024;
const largestChunkBytes = 4 * 1024 * 1024;

/** A section of operations (shared/format/operations.ts) in an arena. */
export interface ArenaSection {
  chunk: number;
  start: number;
  end: number;
  firstSequence: number;
}

/** What a worker needs to read an arena: shared memory, so nothing is copied. */
export interface SharedArena {
  chunks: SharedArrayBuffer[];
  sections: ArenaSection[];
}

/** The bytes of a memtable: whole sections, as they came, in chunks of shared memory. Never changed once written. */
export class Arena {
  readonly #buffers: Buffer[] = [];
  readonly #chunks: SharedArrayBuffer[] = [];
  readonly #sections: ArenaSection[] = [];
  readonly #chunkBytes: number;
  readonly #firstChunkBytes: number;
  #used = 0;
  /** What is allocated, used or not. */
  allocatedBytes = 0;

  constructor(expectedBytes: number) {
    const share = Math.max(smallestChunkBytes, Math.floor(expectedBytes / 16));
    this.#chunkBytes = Math.min(largestChunkBytes, share);
    this.#firstChunkBytes = Math.min(mostFirstChunkBytes, share);
  }

  /** A worker's view of another thread's arena. */
  static attach(shared: SharedArena): Arena {
    const arena = new Arena(0);
    for (const chunk of shared.chunks) {
      arena.#chunks.push(chunk);
      arena.#buffers.push(Buffer.from(chunk));
    }
    return arena;
  }

  append(section: Uint8Array, firstSequence: number): ArenaSection {
    let last = this.#buffers.at(-1);
    if (last === undefined || this.#used + section.byteLength > last.length) {
      const grown = Math.min(this.#chunkBytes, Math.max(this.#firstChunkBytes, this.allocatedBytes));
      const chunk = new SharedArrayBuffer(Math.max(grown, section.byteLength));
      last = Buffer.from(chunk);
      this.#chunks.push(chunk);
      this.#buffers.push(last);
      this.allocatedBytes += chunk.byteLength;
      this.#used = 0;
    }
    last.set(section, this.#used);
    const start = this.#used;
    this.#used += section.byteLength;
    const placed = { chunk: this.#buffers.length - 1, start, end: this.#used, firstSequence };
    this.#sections.push(placed);
    return placed;
  }

  buffer(chunk: number): Buffer {
    const buffer = this.#buffers[chunk];
    invariant(buffer !== undefined, "an arena chunk exists");
    return buffer;
  }

  share(): SharedArena {
    return { chunks: this.#chunks, sections: this.#sections };
  }
}
