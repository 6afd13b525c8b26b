import { type ByteString, bytesOf } from "../../shared/bytes.js";
import type { PageRange } from "../../shared/wire/page.js";
import { keyToBytes, keyToString } from "../keys.js";
import type { PageReader } from "../page-reader.js";
import type { KeyInterval, ScanPage } from "../scan-page.js";
import type { Decode } from "../value-runs.js";
import type { PageList } from "./page-list.js";
import { copyPlain, mayBePlain, type PlainForm, plainOf } from "./plain-value.js";
import type { Cacheable } from "./second-chance-cache.js";

/** The objects that hold a page. */
const overheadBytes = 512;
/** A key, and its places in two arrays. */
const overheadBytesPerEntry = 48;
const storedOverheadBytes = 64;

/** A value that is not plain: its bytes, each as a unit of a string. */
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

/** What a shard answered for an interval of keys: these entries and no others, decoded where they are plain. */
export class KeptPage implements Cacheable {
  wasUsed = false;
  /** Where the cache lists it. */
  readonly list: PageList;
  /** Which part of the key space it answers for; may be less than its keys. */
  readonly interval: KeyInterval;
  /** Ascending. */
  readonly keys: ByteString[] = [];
  /** Plain values, to be copied, and `StoredValue`s. */
  readonly values: unknown[] = [];
  readonly hasAsciiKeys: boolean;
  /** How the plain values are copied: as trees if one of them is. */
  form: PlainForm = "flat";
  /** In ms, of the entry that expires first; 0: none does. */
  readonly expiresAt: number;
  sizeBytes = overheadBytes;
  /** The places of the keys in its interval: from here ... */
  readonly from: number;
  /** ... up to here, exclusive. */
  readonly to: number;

  /** Takes the entries of a page that was not read so far. Throws where one cannot be decoded. */
  constructor(list: PageList, interval: KeyInterval, page: PageReader, isReverse: boolean, decode: Decode) {
    this.list = list;
    this.interval = interval;
    this.hasAsciiKeys = page.hasAsciiKeys;
    this.expiresAt = page.firstExpiry();
    // The cache's name for it has its lower bound once more.
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

  /** Whether a scan that stands before `edge` (null: at the very end) finds its next keys here, going down. */
  endsAt(edge: ByteString | null): boolean {
    const { lower, upper } = this.interval;
    return (edge === null || lower < edge) && (upper === null || (edge !== null && upper >= edge));
  }

  /** The place of the first key at or behind `bound`; null: behind all. */
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

/** Reads, of a page that is kept, what lies in an interval. */
export class KeptPageReader implements ScanPage {
  readonly entries: number;
  readonly rest: PageRange | null;
  /** About how much memory its entries take. */
  readonly bytes: number;
  wanted = 0;
  key: ByteString = "";
  readonly #page: KeptPage;
  readonly #step: number;
  #at: number;
  #left: number;

  constructor(
    page: KeptPage,
    { lower, upper }: KeyInterval,
    isReverse: boolean,
    rest: PageRange | null = null,
  ) {
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
