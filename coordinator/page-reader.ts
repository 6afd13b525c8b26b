import { isAscii } from "node:buffer";
import type { ByteString } from "../shared/bytes.js";
import { invariant } from "../shared/errors.js";
import { valueHeaderBytes } from "../shared/wire/frame.js";
import { decodePage, type PageRange } from "../shared/wire/page.js";
import { keyToBytes, keyToString } from "./keys.js";
import type { Keep } from "./shards/answer-reader.js";
import { type Decode, ValueRuns } from "./value-runs.js";

/** Reads a page of a scan, entry by entry. */
export class PageReader {
  /** How many entries it has, also where it has none of their data (for a count). */
  readonly entries: number;
  /** What is left of the range behind it, or null. */
  readonly rest: PageRange | null;
  /** The key of the current entry. */
  key: ByteString = "";

  readonly #frame: Buffer;
  readonly #headersStart: number;
  readonly #count: number;
  readonly #isAscii: boolean;
  readonly #keysEnd: number;
  readonly #values: ValueRuns;
  /** The place of the current entry. */
  #at = -1;
  #keyStart: number;
  #keyEnd: number;
  #valueStart: number;
  #valueEnd: number;

  constructor(frame: Buffer) {
    const layout = decodePage(frame);
    const { headersStart, keysStart, keysEnd } = layout;
    this.entries = layout.entries;
    this.rest = layout.rest;
    this.#frame = frame;
    this.#headersStart = headersStart;
    this.#count = (keysStart - headersStart) / valueHeaderBytes;
    this.#isAscii = isAscii(frame.subarray(keysStart, keysEnd));
    this.#keyStart = keysStart;
    this.#keyEnd = keysStart;
    this.#keysEnd = keysEnd;
    this.#valueStart = layout.valuesStart;
    this.#valueEnd = layout.valuesStart - 1;
    this.#values = new ValueRuns(frame, headersStart, this.#count);
  }

  /** Moves on to the next entry; false where there is none. */
  next(): boolean {
    this.#at += 1;
    if (this.#at >= this.#count) {
      return false;
    }
    const frame = this.#frame;
    const header = this.#headersStart + this.#at * valueHeaderBytes;
    this.#keyStart = this.#keyEnd;
    this.#keyEnd = this.#keyStart + frame.readUInt16LE(header);
    this.#valueStart = this.#valueEnd + 1;
    this.#valueEnd = this.#valueStart + frame.readUInt32LE(header + 4);
    invariant(this.#keyEnd <= this.#keysEnd && this.#valueEnd < this.#headersStart, "a page has its entries");
    this.key = frame.latin1Slice(this.#keyStart, this.#keyEnd);
    return true;
  }

  // Of the current entry

  /** The key as a string. Throws `FASTKV_INVALID_KEY` for one that is no UTF-8. */
  keyText(): string {
    return this.#isAscii ? this.key : keyToString(this.#frame, this.#keyStart, this.#keyEnd);
  }

  /** The bytes of the key, as a copy. */
  keyBytes(): Uint8Array {
    return keyToBytes(this.#frame, this.#keyStart, this.#keyEnd);
  }

  get tag(): number {
    return this.#frame[this.#headersStart + this.#at * valueHeaderBytes + 2]!;
  }

  /** In ms; 0: never. */
  get expiresAt(): number {
    return this.#frame.readDoubleLE(this.#headersStart + this.#at * valueHeaderBytes + 8);
  }

  /** The decoded value, to be asked for once. Throws what `decode` throws. */
  value(decode: Decode): unknown {
    return this.#values.value(this.#at, this.tag, this.#valueStart, this.#valueEnd, decode);
  }

  /** How long the value is as it is stored. */
  get valueBytes(): number {
    return this.#valueEnd - this.#valueStart;
  }

  /** The value's bytes as a string, as `keep` makes it. */
  kept(keep: Keep): string {
    return keep(this.tag, this.#frame, this.#valueStart, this.#valueEnd);
  }

  /** The value's bytes as they are stored, as a copy. */
  stored(): Uint8Array {
    return new Uint8Array(this.#frame.subarray(this.#valueStart, this.#valueEnd));
  }
}
