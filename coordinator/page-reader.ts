import { isAscii } from "node:buffer";
import type { ByteString } from "../shared/bytes.js";
import { invariant } from "../shared/errors.js";
import { decodePage, type PageRange } from "../shared/wire/page.js";
import { keyToBytes, keyToString } from "./keys.js";
import type { ScanPage } from "./scan-page.js";
import { ValueReader } from "./value-reader.js";

/** Reads a page of a scan, entry by entry. */
export class PageReader extends ValueReader implements ScanPage {
  /** How many entries it has, also where it has none of their data (for a count). */
  readonly entries: number;
  /** What is left of the range behind it, or null. */
  readonly rest: PageRange | null;
  /** The key of the current entry. */
  key: ByteString = "";

  /** Of all keys: no byte is above 127. */
  readonly hasAsciiKeys: boolean;
  readonly #keysEnd: number;
  #keyStart: number;
  #keyEnd: number;

  constructor(frame: Buffer) {
    const { entries, rest, valuesStart, headersStart, keysStart, keysEnd } = decodePage(frame);
    super(frame, valuesStart, headersStart, keysStart);
    this.entries = entries;
    this.rest = rest;
    this.hasAsciiKeys = isAscii(frame.subarray(keysStart, keysEnd));
    this.#keyStart = keysStart;
    this.#keyEnd = keysStart;
    this.#keysEnd = keysEnd;
  }

  override next(): boolean {
    if (!super.next()) {
      return false;
    }
    this.#keyStart = this.#keyEnd;
    this.#keyEnd = this.#keyStart + this.frame.readUInt16LE(this.header);
    invariant(this.#keyEnd <= this.#keysEnd, "a page has the keys that it describes");
    this.key = this.frame.latin1Slice(this.#keyStart, this.#keyEnd);
    return true;
  }

  /** When the first of its entries expires, in ms; 0: none does. */
  firstExpiry(): number {
    let first = 0;
    for (let at = 0; at < this.entries; at++) {
      const expiresAt = this.expiryAt(at);
      if (expiresAt !== 0 && (first === 0 || expiresAt < first)) {
        first = expiresAt;
      }
    }
    return first;
  }

  /** The key as a string. Throws `FASTKV_INVALID_KEY` for one that is no UTF-8. */
  keyText(): string {
    return this.hasAsciiKeys ? this.key : keyToString(this.frame, this.#keyStart, this.#keyEnd);
  }

  /** The bytes of the key, as a copy. */
  keyBytes(): Uint8Array {
    return keyToBytes(this.frame, this.#keyStart, this.#keyEnd);
  }

  /** The value's bytes, each as a unit of a string. */
  latin1(): ByteString {
    return this.frame.latin1Slice(this.valueStart, this.valueEnd);
  }

  /** The value's bytes as they are stored, as a copy. */
  stored(): Uint8Array {
    return new Uint8Array(this.frame.subarray(this.valueStart, this.valueEnd));
  }
}
