/** Numbers and strings in LevelDB's files. A varint has seven bits per byte, the lowest first. */

/** Returns undefined for a number that does not fit. */
export class VarintReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  number(): number | undefined {
    let value = 0;
    for (let shift = 0; shift < 8; shift++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) {
        return undefined;
      }
      value += (byte & 0x7f) * 128 ** shift;
      if (byte < 0x80) {
        return value;
      }
    }
    return undefined;
  }

  /** Skips the first bytes and returns those after them; empty if there are not enough. */
  skip(firstBytes: number | undefined, bytes: number | undefined): Buffer {
    const start = this.#at + (firstBytes ?? Number.POSITIVE_INFINITY);
    const end = start + (bytes ?? 0);
    this.#at = Math.min(end, this.#bytes.length);
    return end <= this.#bytes.length ? this.#bytes.subarray(start, end) : Buffer.alloc(0);
  }
}
