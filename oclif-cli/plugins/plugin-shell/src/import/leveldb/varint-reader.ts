/** Numbers and strings of LevelDB's files: a varint has seven bits a byte, the lowest first. */

/** What does not fit gives undefined. */
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

  /** Goes over the first bytes and gives those behind them; empty where there are not so many. */
  skip(firstBytes: number | undefined, bytes: number | undefined): Buffer {
    const start = this.#at + (firstBytes ?? Number.POSITIVE_INFINITY);
    const end = start + (bytes ?? 0);
    this.#at = Math.min(end, this.#bytes.length);
    return end <= this.#bytes.length ? this.#bytes.subarray(start, end) : Buffer.alloc(0);
  }
}
