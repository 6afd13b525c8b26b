import { type ByteString, bytesOf } from "../shared/bytes.js";
import type { KeyRange } from "../shared/key-range.js";
import { answerStatus, valueHeaderBytes, valueSeparator } from "../shared/wire/frame.js";
import { finishPage, type PageMode, pageHeaderBytes, pageMode } from "../shared/wire/page.js";
import type { Entry } from "./engine/iterator/cursor.js";

const firstBytes = 16 * 1024;
const mostKeptBytes = 1024 * 1024;
/** Buffers of sent frames are kept for reuse, up to this many bytes in total. */
const mostFreeBytes = 4 * 1024 * 1024;

/** A buffer that is filled again and again, and grows. */
class Gathered {
  bytes: Buffer;
  length = 0;

  constructor(capacityBytes = firstBytes) {
    this.bytes = Buffer.allocUnsafeSlow(Math.max(firstBytes, Math.min(capacityBytes, mostKeptBytes)));
  }

  /** Makes room for this many more bytes and returns the position of the first. */
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

  append(bytes: Uint8Array): void {
    const at = this.extend(bytes.length);
    this.bytes.set(bytes, at);
  }

  taken(): Buffer {
    return this.bytes.subarray(0, this.length);
  }

  /** Empties the buffer. The memory of a very large page is not kept. */
  clear(): void {
    this.length = 0;
    if (this.bytes.length > mostKeptBytes) {
      this.bytes = Buffer.allocUnsafeSlow(firstBytes);
    }
  }
}

/** A page's frame. Call `release` when it is no longer needed: its memory is then used again. */
export interface WrittenPage {
  frame: Buffer;
  release: () => void;
}

/** Builds pages, one after the other, each in its frame. */
export class PageWriter {
  /** The frame of the current page, which begins with the values. */
  #values = new Gathered();
  /** Buffers of frames that were sent. */
  readonly #free: Gathered[] = [];
  #freeBytes = 0;
  readonly #headers = new Gathered();
  readonly #keys = new Gathered();
  #mode: PageMode = pageMode.entries;
  #entries = 0;

  start(mode: PageMode): void {
    this.#mode = mode;
    this.#entries = 0;
    this.#values.clear();
    this.#values.extend(pageHeaderBytes);
    this.#headers.clear();
    this.#keys.clear();
  }

  /** Adds an entry and returns how many bytes it takes. */
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

  take(id: number, rest: KeyRange | undefined): WrittenPage {
    const written = this.#values;
    const valueBytes = written.length - pageHeaderBytes;
    written.append(this.#headers.taken());
    written.append(this.#keys.taken());
    const bounds =
      rest === undefined
        ? null
        : { lower: bytesOf(rest.lower), upper: rest.upper === null ? null : bytesOf(rest.upper) };
    for (const bound of [bounds?.lower, bounds?.upper]) {
      if (bound != null) {
        written.append(bound);
      }
    }
    const frame = written.taken();
    finishPage(frame, id, { entries: this.#entries, valueBytes, keyBytes: this.#keys.length, rest: bounds });
    this.#values = this.#takeFree() ?? new Gathered(written.length);
    return { frame, release: () => this.#giveBack(written) };
  }

  #takeFree(): Gathered | undefined {
    const free = this.#free.pop();
    this.#freeBytes -= free?.bytes.length ?? 0;
    return free;
  }

  #giveBack(written: Gathered): void {
    if (this.#freeBytes + written.bytes.length <= mostFreeBytes) {
      this.#freeBytes += written.bytes.length;
      this.#free.push(written);
    }
  }
}
