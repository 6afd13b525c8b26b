import type { ByteString } from "../../shared/bytes.js";
import type { PageRange } from "../../shared/wire/page.js";
import type { Decode } from "./value-runs.js";

/** A page of a scan, read entry by entry. All members about an entry refer to the current one. */
export interface ScanPage {
  /** Number of entries. */
  readonly entries: number;
  /** The range that remains after the page, or null. */
  readonly rest: PageRange | null;
  readonly key: ByteString;
  /** Approximate number of values that will still be read. */
  wanted: number;
  /** Moves to the next entry. Returns false if there is none. */
  next(): boolean;
  /** The key as a string. Throws `FASTKV_INVALID_KEY` if it is not UTF-8. */
  keyText(): string;
  /** A copy of the key's bytes. */
  keyBytes(): Uint8Array;
  /** The decoded value. May be read once. Throws what `decode` throws. */
  value(decode: Decode): unknown;
}
