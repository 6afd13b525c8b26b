import type { ByteString } from "../shared/bytes.js";
import type { PageRange } from "../shared/wire/page.js";
import type { Decode } from "./value-runs.js";

/** A part of the key space, from `lower` (included) to `upper` (excluded; null: no end). */
export interface KeyInterval {
  lower: ByteString;
  upper: ByteString | null;
}

/** A page of a scan, read entry by entry. What it tells of an entry is of the current one. */
export interface ScanPage {
  /** How many entries it has. */
  readonly entries: number;
  /** What is left of the range behind it, or null. */
  readonly rest: PageRange | null;
  readonly key: ByteString;
  /** About how many more values will be asked for. */
  wanted: number;
  /** Moves on to the next entry; false where there is none. */
  next(): boolean;
  /** The key as a string. Throws `FASTKV_INVALID_KEY` for one that is no UTF-8. */
  keyText(): string;
  /** The bytes of the key, as a copy. */
  keyBytes(): Uint8Array;
  /** The decoded value, to be asked for once. Throws what `decode` throws. */
  value(decode: Decode): unknown;
}
