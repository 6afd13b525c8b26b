import { type ByteString, byteStringOf } from "../../shared/bytes.js";
import { finalMix, hashBytes } from "../../shared/hash.js";
import type { KeyRange } from "../../shared/key-range.js";
import { firstScanPageEntries } from "../../shared/limits.js";
import { type PageRange, type PageRequest, pageMode } from "../../shared/wire/page.js";
import { PageReader } from "../encoding/page-reader.js";
import type { Decode } from "../encoding/value-runs.js";
import { shareOf } from "../scan/share.js";
import { KeptPage, KeptPageReader } from "./kept-page.js";
import { PageList } from "./page-list.js";
import { RecentWrites } from "./recent-writes.js";
import { type Lender, SecondChanceCache } from "./second-chance-cache.js";

/** Pages of longer scans are not kept, because they would evict too many others. */
const mostEntries = 2 * firstScanPageEntries;
/** Maximum number of pages that one scan takes from the cache at once, per shard. */
const mostPages = 16;
/** Size of the memory of refused pages: about one place per this many bytes of the cache. */
const bytesPerRefused = 32 * 1024;
const leastRefused = 64;
/** A decoded page takes at most about this many times the memory of its frame. */
const decodedGrowth = 2;

/** What the cache knows of the beginning of a scan. */
export interface KnownPages {
  pages: KeptPageReader[];
  /** The range after these pages; null if they are everything. */
  rest: KeyRange | null;
  /** What is known after `rest`. */
  behind?: Omit<KnownPages, "behind">;
}

/** The cache's state of one shard. */
interface ShardMemory {
  readonly pages: PageList;
  readonly trail: RecentWrites;
}

/**
 * A cache of decoded scan pages in the coordinator, so that repeated scans need no round trip. It is exactly coherent
 * because the coordinator sees every write: a write drops the page that contains its key when it is called, and an
 * arriving page is kept only if no key in it was written since the call of its scan. So everything in the cache is true
 * now, and a scan of this moment may use it.
 */
export class ScanCache {
  readonly #shards: readonly ShardMemory[];
  readonly #kept: SecondChanceCache<KeptPage> | undefined;
  /** Fingerprints of pages that were not admitted. Each fingerprint has one possible place. */
  readonly #refused: Int32Array;
  hits = 0;
  misses = 0;

  /** A capacity of 0 disables the cache. */
  constructor(capacityBytes: number, shards: number, lender?: Lender) {
    this.#shards = Array.from({ length: shards }, () => ({
      pages: new PageList(),
      trail: new RecentWrites(),
    }));
    this.#kept =
      capacityBytes === 0
        ? undefined
        : new SecondChanceCache(capacityBytes, (page) => page.list.remove(page), lender);
    const mostBytes = capacityBytes + (lender?.capacityBytes ?? 0);
    this.#refused = new Int32Array(
      2 ** Math.ceil(Math.log2(Math.max(leastRefused, mostBytes / bytesPerRefused))),
    );
  }

  get isEnabled(): boolean {
    return this.#kept !== undefined;
  }

  get bytes(): number {
    return this.#kept?.bytes ?? 0;
  }

  /** The current capacity, including what may be borrowed. */
  get capacityBytes(): number {
    return this.#kept?.limitBytes ?? 0;
  }

  /** Returns the mark of a scan that is being called, for `keep`. */
  mark(shard: number): number {
    return this.#shards[shard]!.trail.mark;
  }

  /** Looks up a scan of this moment that needs `limit` entries. Returns undefined if nothing is known of it. */
  find(
    shard: number,
    range: PageRange,
    isReverse: boolean,
    limit: number,
    nowMs: number,
  ): KnownPages | undefined {
    const wanted = intervalOf(range);
    const known = isReverse
      ? this.#collectDown(shard, wanted, limit, nowMs)
      : this.#collectUpOverGap(shard, wanted, limit, nowMs);
    if (known.pages.length === 0) {
      this.misses += 1;
      return known.behind && known;
    }
    this.hits += 1;
    return known;
  }

  /**
   * Offers the cache the unread page that answered `request`, of a scan with this mark. If the page is kept, returns
   * the reader to use instead of it.
   */
  keep(
    shard: number,
    request: PageRequest,
    mark: number,
    frame: Buffer,
    decode: Decode,
  ): KeptPageReader | undefined {
    if (request.mode !== pageMode.entries || request.maxEntries > mostEntries) {
      return undefined;
    }
    const { trail, pages } = this.#shards[shard]!;
    const page = new PageReader(frame);
    const whole = answeredInterval(request, page.rest);
    const isOutdated = trail.touches(mark, whole.lower, whole.upper);
    const interval = isOutdated ? undefined : withoutNeighbours(pages, whole);
    if (interval === undefined || !this.#admits(shard, request, frame.length)) {
      return undefined;
    }
    try {
      const kept = new KeptPage(pages, interval, page, request.reverse, decode);
      this.#dropWithin(shard, interval);
      this.#put(shard, kept);
      return new KeptPageReader(kept, whole, request.reverse, page.rest);
    } catch {
      // A value cannot be decoded. The reader of the page will report it.
      return undefined;
    }
  }

  /** Drops smaller pages, of scans of parts of the interval. One page replaces them. */
  #dropWithin(shard: number, { lower, upper }: KeyRange): void {
    const { pages } = this.#shards[shard]!;
    const first = pages.floor(lower);
    if (first?.interval.lower === lower) {
      this.#drop(shard, first);
    }
    for (let page = pages.above(lower); page !== undefined; page = pages.above(lower)) {
      if (upper !== null && page.interval.lower >= upper) {
        return;
      }
      this.#drop(shard, page);
    }
  }

  #put(shard: number, page: KeptPage): void {
    const kept = this.#kept!;
    // What must make room for it is evicted first.
    kept.set(nameOf(shard, page.interval.lower), page);
    if (page.sizeBytes <= kept.capacityBytes) {
      page.list.add(page);
    }
  }

  /** Called when a write of this key is called. `mayBeScanned` is false if no scan is running. */
  invalidate(shard: number, key: ByteString, mayBeScanned: boolean): void {
    if (this.#kept === undefined) {
      return;
    }
    const { pages, trail } = this.#shards[shard]!;
    if (mayBeScanned) {
      trail.note(key);
    } else {
      trail.noteMany();
    }
    const page = pages.floor(key);
    if (page?.hasKey(key)) {
      this.#drop(shard, page);
    }
  }

  /** Called when a write to many keys is called: a range delete or a bulk load. */
  clear(): void {
    for (const { pages, trail } of this.#shards) {
      pages.clear();
      trail.noteMany();
    }
    this.#kept?.clear();
  }

  #drop(shard: number, page: KeptPage): void {
    this.#kept!.delete(nameOf(shard, page.interval.lower));
    page.list.remove(page);
  }

  /**
   * If only one gap is unknown, also returns what is known after it, so that only the gap is read. If there are more
   * gaps, everything from the first one on is read at once.
   */
  #collectUpOverGap(shard: number, wanted: KeyRange, limit: number, nowMs: number): KnownPages {
    const { pages } = this.#shards[shard]!;
    const known = this.#collectUp(shard, wanted, limit, nowMs);
    const gap = known.rest;
    const left = shareOf(limit, this.#shards.length) - entriesOf(known);
    const next = gap === null || left <= 0 ? undefined : pages.above(gap.lower)?.interval.lower;
    if (gap === null || next === undefined || (gap.upper !== null && next >= gap.upper)) {
      return known;
    }
    const behind = this.#collectUp(shard, { lower: next, upper: gap.upper }, left, nowMs);
    return behind.rest === null || entriesOf(behind) >= left
      ? { pages: known.pages, rest: { lower: gap.lower, upper: next }, behind }
      : known;
  }

  #collectUp(shard: number, { lower: start, upper }: KeyRange, limit: number, nowMs: number): KnownPages {
    const { pages } = this.#shards[shard]!;
    const known: KeptPageReader[] = [];
    let lower = start;
    let entries = 0;
    for (const page of pages.upFrom(lower)) {
      const isEnough = known.length === mostPages || entries >= limit;
      if (isEnough || !page.hasKey(lower) || !this.#isFresh(shard, page, nowMs)) {
        break;
      }
      const end = page.interval.upper;
      const isLast = end === null || (upper !== null && end >= upper);
      const reader = new KeptPageReader(page, { lower, upper: isLast ? upper : end }, false);
      known.push(reader);
      if (isLast) {
        return { pages: known, rest: null };
      }
      entries += reader.entries;
      lower = end;
    }
    return { pages: known, rest: { lower, upper } };
  }

  #collectDown(shard: number, { lower, upper: start }: KeyRange, limit: number, nowMs: number): KnownPages {
    const { pages } = this.#shards[shard]!;
    const known: KeptPageReader[] = [];
    let upper = start;
    let entries = 0;
    while (known.length < mostPages && entries < limit) {
      const page = pages.below(upper);
      if (!page?.endsAt(upper) || !this.#isFresh(shard, page, nowMs)) {
        break;
      }
      const end = page.interval.lower;
      const isLast = end <= lower;
      const reader = new KeptPageReader(page, { lower: isLast ? lower : end, upper }, true);
      known.push(reader);
      if (isLast) {
        return { pages: known, rest: null };
      }
      entries += reader.entries;
      upper = end;
    }
    return { pages: known, rest: { lower, upper } };
  }

  /** Returns false if one of the page's entries has expired; the page is then dropped. */
  #isFresh(shard: number, page: KeptPage, nowMs: number): boolean {
    if (page.expiresAt !== 0 && page.expiresAt <= nowMs) {
      this.#drop(shard, page);
      return false;
    }
    return true;
  }

  /** If something would have to be evicted for it, a page is admitted only if it was also requested recently. */
  #admits(shard: number, { reverse, lower, upper }: PageRequest, frameBytes: number): boolean {
    const kept = this.#kept!;
    if (kept.bytes + frameBytes * decodedGrowth <= kept.limitBytes) {
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

function entriesOf({ pages }: KnownPages): number {
  return pages.reduce((sum, { entries }) => sum + entries, 0);
}

function nameOf(shard: number, lower: ByteString): string {
  return `${shard}:${lower}`;
}

function intervalOf({ lower, upper }: PageRange): KeyRange {
  return { lower: byteStringOf(lower), upper: upper === null ? null : byteStringOf(upper) };
}

/** The interval of keys for which a page is complete. */
function answeredInterval(request: PageRequest, rest: PageRange | null): KeyRange {
  const { lower, upper } = intervalOf(request);
  if (rest === null) {
    return { lower, upper };
  }
  const left = intervalOf(rest);
  return request.reverse ? { lower: left.upper!, upper } : { lower, upper: left.lower };
}

/** Removes from an interval what pages reaching beyond it cover; undefined if nothing is left. */
function withoutNeighbours(pages: PageList, whole: KeyRange): KeyRange | undefined {
  let { lower, upper } = whole;
  const before = pages.floor(lower)?.interval;
  if (before !== undefined && (before.upper === null || before.upper > lower)) {
    if (before.upper === null) {
      return undefined;
    }
    lower = before.upper;
  }
  // The last page that begins in the interval may reach beyond it. It is not dropped for the new page.
  const last = pages.below(upper)?.interval;
  if (last !== undefined && last.lower >= lower && reachesBeyond(last, upper)) {
    upper = last.lower;
  }
  return upper !== null && upper <= lower ? undefined : { lower, upper };
}

function reachesBeyond(interval: KeyRange, upper: ByteString | null): boolean {
  return upper !== null && (interval.upper === null || interval.upper > upper);
}

function fingerprintOf(bytes: Uint8Array, seed: number): number {
  return finalMix(hashBytes(bytes, 0, bytes.length) ^ seed) | 0;
}
