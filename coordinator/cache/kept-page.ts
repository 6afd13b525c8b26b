import { type ByteString, bytesOf } from "../../shared/bytes.js";
import type { KeyRange } from "../../shared/key-range.js";
import type { PageRange } from "../../shared/wire/page.js";
import { keyToBytes, keyToString } from "../calls/keys.js";
import type { PageReader } from "../encoding/page-reader.js";
import type { ScanPage } from "../encoding/scan-page.js";
import type { Decode } from "../encoding/value-runs.js";
import type { PageList } from "./page-list.js";
import { copyPlain, mayBePlain, type PlainForm, plainOf } from "./plain-value.js";
import type { Cacheable } from "./second-chance-cache.js";

/** The objects that represent a page. */
const overheadBytes = 512;
/** A key, and its slots in two arrays. */
const overheadBytesPerEntry = 48;
const storedOverheadBytes = 64;

/** A value that is not plain: its bytes as a string, one unit per byte. */
class StoredValue {
  readonly tag: number;
  readonly bytes: ByteString;

  constructor(tag: number, bytes: ByteString) {
    this.tag = tag;
    this.bytes = bytes;
  }

  decode(decode: Decode): unknown {
    const bytes = bytesOf(this.bytes);
    return decode(this.tag, bytes, 0, bytes.length);
  }
}

/** A shard's answer for an interval of keys: exactly these entries, decoded if they are plain. */
export class KeptPage implements Cacheable {
  wasUsed = false;
  /** The list in which the cache holds it. */
  readonly list: PageList;
  /** The part of the key space for which it is complete; may be smaller than the range of its keys. */
  readonly interval: KeyRange;
  /** Ascending. */
  readonly keys: ByteString[] = [];
  /** Plain values, which must be copied before use, and `StoredValue`s. */
  readonly values: unknown[] = [];
  readonly hasAsciiKeys: boolean;
  /** How the plain values are copied: as trees if any of them is one. */
  form: PlainForm = "flat";
  /** Time in ms at which the first entry expires; 0 if none does. */
  readonly expiresAt: number;
  sizeBytes = overheadBytes;
  /** Start of the keys inside the interval. */
  readonly from: number;
  /** End of the keys inside the interval, exclusive. */
  readonly to: number;

  /** Takes the entries of an unread page. Throws if one cannot be decoded. */
  constructor(list: PageList, interval: KeyRange, page: PageReader, isReverse: boolean, decode: Decode) {
    this.list = list;
    this.interval = interval;
    this.hasAsciiKeys = page.hasAsciiKeys;
    this.expiresAt = page.firstExpiry();
    // The lower bound counts twice: the cache's name for the page contains it.
    this.sizeBytes += 2 * interval.lower.length + (interval.upper?.length ?? 0);
    while (page.next()) {
      const { key, tag, valueBytes } = page;
      const plain = mayBePlain(tag) ? plainOf(tag, page.value(decode), page.isAscii ? 1 : 2) : undefined;
      if (plain?.form === "tree") {
        this.form = "tree";
      }
      this.keys.push(key);
      this.values.push(plain === undefined ? new StoredValue(tag, page.latin1()) : plain.value);
      this.sizeBytes +=
        overheadBytesPerEntry + key.length + (plain?.bytes ?? storedOverheadBytes + valueBytes);
    }
    if (isReverse) {
      this.keys.reverse();
      this.values.reverse();
    }
    this.from = this.placeOf(interval.lower);
    this.to = this.placeOf(interval.upper);
  }

  hasKey(key: ByteString): boolean {
    const { lower, upper } = this.interval;
    return key >= lower && (upper === null || key < upper);
  }

  /** Whether a descending scan that stands before `edge` (null: at the very end) finds its next keys here. */
  endsAt(edge: ByteString | null): boolean {
    const { lower, upper } = this.interval;
    return (edge === null || lower < edge) && (upper === null || (edge !== null && upper >= edge));
  }

  /** The position of the first key at or after `bound`; null means after all keys. */
  placeOf(bound: ByteString | null): number {
    if (bound === null) {
      return this.keys.length;
    }
    let low = 0;
    let high = this.keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.keys[middle]! < bound) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}

/** Reads the part of a kept page that lies in an interval. */
export class KeptPageReader implements ScanPage {
  readonly entries: number;
  readonly rest: PageRange | null;
  /** Approximate memory of its entries. */
  readonly bytes: number;
  wanted = 0;
  key: ByteString = "";
  readonly #page: KeptPage;
  readonly #step: number;
  #at: number;
  #left: number;

  constructor(page: KeptPage, { lower, upper }: KeyRange, isReverse: boolean, rest: PageRange | null = null) {
    const from = lower === page.interval.lower ? page.from : page.placeOf(lower);
    const to = upper === page.interval.upper ? page.to : page.placeOf(upper);
    this.#page = page;
    this.rest = rest;
    this.entries = Math.max(0, to - from);
    this.bytes = page.sizeBytes * ((this.entries + 1) / (page.keys.length + 1));
    this.#left = this.entries;
    this.#step = isReverse ? -1 : 1;
    this.#at = isReverse ? to : from - 1;
  }

  next(): boolean {
    if (this.#left === 0) {
      return false;
    }
    this.#left -= 1;
    this.#at += this.#step;
    this.#page.wasUsed = true;
    this.key = this.#page.keys[this.#at]!;
    return true;
  }

  keyText(): string {
    if (this.#page.hasAsciiKeys) {
      return this.key;
    }
    const bytes = bytesOf(this.key);
    return keyToString(bytes, 0, bytes.length);
  }

  keyBytes(): Uint8Array {
    const bytes = bytesOf(this.key);
    return keyToBytes(bytes, 0, bytes.length);
  }

  value(decode: Decode): unknown {
    const value = this.#page.values[this.#at];
    return value instanceof StoredValue ? value.decode(decode) : copyPlain(value, this.#page.form);
  }
}
