import { type ByteString, byteStringOf } from "../../shared/bytes.js";
import { finalMix, hashBytes } from "../../shared/hash.js";
import { firstScanPageEntries } from "../../shared/limits.js";
import { type PageRange, type PageRequest, pageMode } from "../../shared/wire/page.js";
import { KeptPageReader, type KeyInterval } from "../kept-page-reader.js";
import type { PageReader } from "../page-reader.js";
import { type Cacheable, SecondChanceCache } from "./second-chance-cache.js";
import { WriteTrail } from "./write-trail.js";

/** The objects that hold a page, and the memory that its buffer has beside its content. */
const overheadBytes = 512;
/** The pages of longer scans are not kept: they would drive out too many others. */
const mostEntries = 2 * firstScanPageEntries;
/** What one scan takes from the cache at once, of each shard. */
const mostPages = 16;
/** The pages that were not admitted last: about one for each so many bytes of the cache. */
const bytesPerRefused = 32 * 1024;
const leastRefused = 64;

/** What the cache knows of the beginning of a scan. */
export interface KnownPages {
  pages: KeptPageReader[];
  /** What lies behind them; null where they are all there is. */
  rest: KeyInterval | null;
}

/** What a shard answered for an interval of keys: these entries and no others. */
class KeptPage implements Cacheable {
  wasUsed = false;
  readonly list: KeptPage[];
  readonly interval: KeyInterval;
  /** May have entries outside of the interval, which other pages answer for. */
  readonly frame: Buffer;
  /** In ms, of the entry that expires first; 0: none does. */
  readonly expiresAt: number;
  readonly sizeBytes: number;

  constructor(list: KeptPage[], interval: KeyInterval, frame: Buffer, expiresAt: number) {
    this.list = list;
    this.interval = interval;
    this.frame = frame;
    this.expiresAt = expiresAt;
    this.sizeBytes = overheadBytes + frame.length;
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
}

/** Of one shard. Pages of one direction do not overlap, and lie in the order of their keys. */
class ShardPages {
  readonly forward: KeptPage[] = [];
  readonly reverse: KeptPage[] = [];
  readonly trail = new WriteTrail();

  listOf(isReverse: boolean): KeptPage[] {
    return isReverse ? this.reverse : this.forward;
  }
}

/**
 * Pages of scans as the shards answered them, in the coordinator: what is scanned over and over costs no round trip. The
 * coordinator sees every write, so the cache is exactly coherent: a write drops the page that its key lies in at the call,
 * and a page that comes is kept only if no key in it was written since the call of its scan. Whatever is here is thus
 * true now, and a scan of this moment may take it.
 */
export class ScanCache {
  readonly #shards: readonly ShardPages[];
  readonly #pages: SecondChanceCache<KeptPage> | undefined;
  /** Fingerprints of pages that were not admitted, each in the one place that it may have. */
  readonly #refused: Int32Array;
  hits = 0;
  misses = 0;

  /** 0 switches the cache off. */
  constructor(capacityBytes: number, shards: number) {
    this.#shards = Array.from({ length: shards }, () => new ShardPages());
    this.#pages =
      capacityBytes === 0 ? undefined : new SecondChanceCache<KeptPage>(capacityBytes, removeFromList);
    this.#refused = new Int32Array(
      2 ** Math.ceil(Math.log2(Math.max(leastRefused, capacityBytes / bytesPerRefused))),
    );
  }

  get isEnabled(): boolean {
    return this.#pages !== undefined;
  }

  get bytes(): number {
    return this.#pages?.bytes ?? 0;
  }

  /** The moment of a scan that is being called, for `keep`. */
  mark(shard: number): number {
    return this.#shards[shard]!.trail.mark;
  }

  /** What is known of a scan of this moment that wants `limit` entries; undefined where nothing is. */
  find(
    shard: number,
    range: PageRange,
    isReverse: boolean,
    limit: number,
    nowMs: number,
  ): KnownPages | undefined {
    const list = this.#shards[shard]!.listOf(isReverse);
    if (list.length === 0) {
      this.misses += 1;
      return undefined;
    }
    const wanted = intervalOf(range);
    const known = isReverse
      ? this.#collectDown(shard, list, wanted, limit, nowMs)
      : this.#collectUp(shard, list, wanted, limit, nowMs);
    if (known.pages.length === 0) {
      this.misses += 1;
      return undefined;
    }
    this.hits += 1;
    return known;
  }

  /** For a page that came of a scan with this mark, and asked for with `request`. */
  keep(shard: number, request: PageRequest, mark: number, frame: Buffer, page: PageReader): void {
    if (this.#pages === undefined || request.mode !== pageMode.entries || request.maxEntries > mostEntries) {
      return;
    }
    const { trail } = this.#shards[shard]!;
    const list = this.#shards[shard]!.listOf(request.reverse);
    const whole = answeredInterval(request, page.rest);
    if (trail.touches(mark, whole.lower, whole.upper) || !this.#admits(shard, request, frame.length)) {
      return;
    }
    const interval = withoutNeighbours(list, whole);
    if (interval !== undefined) {
      const copy = Buffer.allocUnsafeSlow(frame.length);
      frame.copy(copy);
      const kept = new KeptPage(list, interval, copy, page.firstExpiry());
      // What has to make room for it leaves the lists first.
      this.#pages.set(nameOf(shard, request.reverse, interval.lower), kept);
      if (kept.sizeBytes <= this.#pages.capacityBytes) {
        list.splice(firstAbove(list, interval.lower), 0, kept);
      }
    }
  }

  /** At the call of a write of this key. */
  invalidate(shard: number, key: ByteString): void {
    if (this.#pages === undefined) {
      return;
    }
    const { forward, reverse, trail } = this.#shards[shard]!;
    trail.note(key);
    for (const list of [forward, reverse]) {
      const page = list[firstAbove(list, key) - 1];
      if (page?.hasKey(key)) {
        this.#drop(shard, list === reverse, page);
      }
    }
  }

  /** At the call of a write to many keys: a range delete or a bulk load. */
  clear(): void {
    for (const { forward, reverse, trail } of this.#shards) {
      forward.length = 0;
      reverse.length = 0;
      trail.noteMany();
    }
    this.#pages?.clear();
  }

  #drop(shard: number, isReverse: boolean, page: KeptPage): void {
    this.#pages!.delete(nameOf(shard, isReverse, page.interval.lower));
    removeFromList(page);
  }

  #collectUp(
    shard: number,
    list: KeptPage[],
    { lower: start, upper }: KeyInterval,
    limit: number,
    nowMs: number,
  ): KnownPages {
    const pages: KeptPageReader[] = [];
    let lower = start;
    let entries = 0;
    for (let at = firstAbove(list, lower) - 1; pages.length < mostPages && entries < limit; at += 1) {
      const page = list[at];
      if (!page?.hasKey(lower) || !this.#isFresh(shard, false, page, nowMs)) {
        break;
      }
      const end = page.interval.upper;
      const isLast = end === null || (upper !== null && end >= upper);
      const reader = new KeptPageReader(page.frame, { lower, upper: isLast ? upper : end }, false);
      pages.push(reader);
      if (isLast) {
        return { pages, rest: null };
      }
      entries += reader.entriesLeft;
      lower = end;
    }
    return { pages, rest: { lower, upper } };
  }

  #collectDown(
    shard: number,
    list: KeptPage[],
    { lower, upper: start }: KeyInterval,
    limit: number,
    nowMs: number,
  ): KnownPages {
    const pages: KeptPageReader[] = [];
    let upper = start;
    let entries = 0;
    let at = (upper === null ? list.length : firstAtOrAbove(list, upper)) - 1;
    for (; pages.length < mostPages && entries < limit; at -= 1) {
      const page = list[at];
      if (!page?.endsAt(upper) || !this.#isFresh(shard, true, page, nowMs)) {
        break;
      }
      const end = page.interval.lower;
      const isLast = end <= lower;
      const reader = new KeptPageReader(page.frame, { lower: isLast ? lower : end, upper }, true);
      pages.push(reader);
      if (isLast) {
        return { pages, rest: null };
      }
      entries += reader.entriesLeft;
      upper = end;
    }
    return { pages, rest: { lower, upper } };
  }

  /** False where one of its entries has expired; the page is then dropped. */
  #isFresh(shard: number, isReverse: boolean, page: KeptPage, nowMs: number): boolean {
    if (page.expiresAt !== 0 && page.expiresAt <= nowMs) {
      this.#drop(shard, isReverse, page);
      return false;
    }
    page.wasUsed = true;
    return true;
  }

  /** Where something would have to go for it, only what was asked for not long ago as well is worth its place. */
  #admits(shard: number, { reverse, lower, upper }: PageRequest, bytes: number): boolean {
    const pages = this.#pages!;
    if (pages.bytes + bytes + overheadBytes <= pages.capacityBytes) {
      return true;
    }
    const fingerprint = fingerprintOf(reverse ? (upper ?? lower) : lower, shard * 2 + (reverse ? 1 : 0));
    const at = (fingerprint >>> 8) & (this.#refused.length - 1);
    if (this.#refused[at] === fingerprint) {
      return true;
    }
    this.#refused[at] = fingerprint;
    return false;
  }
}

function nameOf(shard: number, isReverse: boolean, lower: ByteString): string {
  return `${shard}${isReverse ? "-" : "+"}${lower}`;
}

function removeFromList({ list, interval }: KeptPage): void {
  list.splice(firstAtOrAbove(list, interval.lower), 1);
}

function intervalOf({ lower, upper }: PageRange): KeyInterval {
  return { lower: byteStringOf(lower), upper: upper === null ? null : byteStringOf(upper) };
}

/** The keys of which a page tells all there are. */
function answeredInterval(request: PageRequest, rest: PageRange | null): KeyInterval {
  const { lower, upper } = intervalOf(request);
  if (rest === null) {
    return { lower, upper };
  }
  const left = intervalOf(rest);
  return request.reverse ? { lower: left.upper!, upper } : { lower, upper: left.lower };
}

/** The part of an interval that no page in the list has, from its first such key on; undefined where there is none. */
function withoutNeighbours(list: readonly KeptPage[], whole: KeyInterval): KeyInterval | undefined {
  let { lower, upper } = whole;
  const next = firstAbove(list, lower);
  const before = list[next - 1]?.interval;
  if (before !== undefined && (before.upper === null || before.upper > lower)) {
    if (before.upper === null) {
      return undefined;
    }
    lower = before.upper;
  }
  const after = list[next]?.interval;
  if (after !== undefined && (upper === null || after.lower < upper)) {
    upper = after.lower;
  }
  return upper !== null && upper <= lower ? undefined : { lower, upper };
}

/** The place of the first page that begins behind `key`. */
function firstAbove(list: readonly KeptPage[], key: ByteString): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle]!.interval.lower <= key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** The place of the first page that begins at `key` or behind it. */
function firstAtOrAbove(list: readonly KeptPage[], key: ByteString): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle]!.interval.lower < key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

function fingerprintOf(bytes: Uint8Array, seed: number): number {
  return finalMix(hashBytes(bytes, 0, bytes.length) ^ seed) | 0;
}
