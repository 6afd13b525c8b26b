import { isAscii } from "node:buffer";
import type { ByteString } from "../../shared/bytes.js";
import { invariant } from "../../shared/errors.js";
import { decodePage, type PageRange } from "../../shared/wire/page.js";
import { keyToBytes, keyToString } from "../calls/keys.js";
import type { ScanPage } from "./scan-page.js";
import { ValueReader } from "./value-reader.js";

/** Reads a page of a scan, entry by entry. */
export class PageReader extends ValueReader implements ScanPage {
  /** Number of entries, also if the page has none of their data (for a count). */
  readonly entries: number;
  /** The range that remains after the page, or null. */
  readonly rest: PageRange | null;
  /** The key of the current entry. */
  key: ByteString = "";

  /** Whether all keys are ASCII (no byte above 127). */
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

  /** Time in ms at which the first entry expires; 0 if none does. */
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

  /** The key as a string. Throws `FASTKV_INVALID_KEY` if it is not UTF-8. */
  keyText(): string {
    return this.hasAsciiKeys ? this.key : keyToString(this.frame, this.#keyStart, this.#keyEnd);
  }

  /** A copy of the key's bytes. */
  keyBytes(): Uint8Array {
    return keyToBytes(this.frame, this.#keyStart, this.#keyEnd);
  }

  /** The value's bytes as a string, one unit per byte. */
  latin1(): ByteString {
    return this.frame.latin1Slice(this.valueStart, this.valueEnd);
  }

  /** A copy of the value's stored bytes. */
  stored(): Uint8Array {
    return new Uint8Array(this.frame.subarray(this.valueStart, this.valueEnd));
  }
}
