/** A section of operations (shared/format/operations.ts) in an arena. */
export interface ArenaSection {
  chunk: number;
  start: number;
  end: number;
  firstSequence: number;
}

const columns = 4;
const bytesPerSection = columns * Float64Array.BYTES_PER_ELEMENT;
const smallestCapacity = 64;

/** What another thread needs to read the index. */
export interface SharedSectionIndex {
  rows: SharedArrayBuffer;
  count: number;
}

/**
 * Where the sections of an arena lie: one row of numbers for each, in shared memory. A memtable may have one section
 * for each of its operations, and a worker gets them without a copy.
 */
export class SectionIndex {
  #rows: Float64Array;
  #count: number;

  private constructor(rows: Float64Array, count: number) {
    this.#rows = rows;
    this.#count = count;
  }

  static empty(): SectionIndex {
    return new SectionIndex(rowsFor(smallestCapacity), 0);
  }

  static attach({ rows, count }: SharedSectionIndex): SectionIndex {
    return new SectionIndex(new Float64Array(rows), count);
  }

  get memoryBytes(): number {
    return this.#rows.byteLength;
  }

  push(section: ArenaSection): void {
    const at = this.#count * columns;
    if (at === this.#rows.length) {
      const grown = rowsFor(this.#count * 2);
      grown.set(this.#rows);
      this.#rows = grown;
    }
    this.#rows[at] = section.chunk;
    this.#rows[at + 1] = section.start;
    this.#rows[at + 2] = section.end;
    this.#rows[at + 3] = section.firstSequence;
    this.#count += 1;
  }

  *[Symbol.iterator](): Generator<ArenaSection> {
    for (let at = 0; at < this.#count * columns; at += columns) {
      yield {
        chunk: this.#rows[at]!,
        start: this.#rows[at + 1]!,
        end: this.#rows[at + 2]!,
        firstSequence: this.#rows[at + 3]!,
      };
    }
  }

  share(): SharedSectionIndex {
    return { rows: this.#rows.buffer as SharedArrayBuffer, count: this.#count };
  }
}

function rowsFor(capacity: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(capacity * bytesPerSection));
}
