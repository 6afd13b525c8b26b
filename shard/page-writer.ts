import { type ByteString, bytesOf } from "../shared/bytes.js";
import { answerStatus, valueHeaderBytes, valueSeparator } from "../shared/wire/frame.js";
import { encodePage, type PageMode, pageMode } from "../shared/wire/page.js";
import type { Entry } from "./engine/iterator/cursor.js";
import type { KeyRange } from "./engine/range-delete.js";

const firstBytes = 16 * 1024;
const mostKeptBytes = 1024 * 1024;

/** A buffer that is filled over and over, and grows. */
class Gathered {
  bytes = Buffer.allocUnsafeSlow(firstBytes);
  length = 0;

  /** Makes room for so many more bytes and gives the place of the first. */
  extend(count: number): number {
    const at = this.length;
    const needed = at + count;
    if (needed > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
      this.bytes.copy(larger, 0, 0, at);
      this.bytes = larger;
    }
    this.length = needed;
    return at;
  }

  taken(): Buffer {
    return this.bytes.subarray(0, this.length);
  }

  /** A very large page's memory is not kept. */
  clear(): void {
    this.length = 0;
    if (this.bytes.length > mostKeptBytes) {
      this.bytes = Buffer.allocUnsafeSlow(firstBytes);
    }
  }
}

/** Puts pages together, one after the other: what is sent is copied from here. */
export class PageWriter {
  readonly #values = new Gathered();
  readonly #headers = new Gathered();
  readonly #keys = new Gathered();
  #mode: PageMode = pageMode.entries;
  #entries = 0;

  start(mode: PageMode): void {
    this.#mode = mode;
    this.#entries = 0;
    this.#values.clear();
    this.#headers.clear();
    this.#keys.clear();
  }

  /** Adds an entry and gives back how many bytes it takes. */
  add(key: ByteString, entry: Entry): number {
    this.#entries += 1;
    if (this.#mode === pageMode.count) {
      return 0;
    }
    const valueBytes = this.#mode === pageMode.entries ? entry.valueEnd - entry.valueStart : 0;
    const values = this.#values;
    const valueAt = values.extend(valueBytes + 1);
    if (valueBytes > 0) {
      entry.valueBuffer.copy(values.bytes, valueAt, entry.valueStart, entry.valueEnd);
    }
    values.bytes[valueAt + valueBytes] = valueSeparator;
    const headerAt = this.#headers.extend(valueHeaderBytes);
    const headers = this.#headers.bytes;
    headers.writeUInt16LE(key.length, headerAt);
    headers[headerAt + 2] = entry.tag;
    headers[headerAt + 3] = answerStatus.found;
    headers.writeUInt32LE(valueBytes, headerAt + 4);
    headers.writeDoubleLE(entry.expiresAt, headerAt + 8);
    const keyAt = this.#keys.extend(key.length);
    this.#keys.bytes.latin1Write(key, keyAt);
    return valueHeaderBytes + key.length + valueBytes;
  }

  /** The page's frame. */
  take(id: number, rest: KeyRange | undefined): Buffer {
    return encodePage(id, {
      entries: this.#entries,
      values: this.#values.taken(),
      headers: this.#headers.taken(),
      keys: this.#keys.taken(),
      rest:
        rest === undefined
          ? null
          : { lower: bytesOf(rest.lower), upper: rest.upper === null ? null : bytesOf(rest.upper) },
    });
  }
}
