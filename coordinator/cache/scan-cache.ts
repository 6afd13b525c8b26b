import { type ByteString, byteStringOf } from "../../shared/bytes.js";
import { finalMix, hashBytes } from "../../shared/hash.js";
import { firstScanPageEntries } from "../../shared/limits.js";
import { type PageRange, type PageRequest, pageMode } from "../../shared/wire/page.js";
import { PageReader } from "../page-reader.js";
import type { KeyInterval } from "../scan-page.js";
import { shareOf } from "../share.js";
import type { Decode } from "../value-runs.js";
import { KeptPage, KeptPageReader } from "./kept-page.js";
import { PageList } from "./page-list.js";
import { type Lender, SecondChanceCache } from "./second-chance-cache.js";
import { WriteTrail } from "./write-trail.js";

/** The pages of longer scans are not kept: they would drive out too many others. */
const mostEntries = 2 * firstScanPageEntries;
/** What one scan takes from the cache at once, of each shard. */
const mostPages = 16;
/** The pages that were not admitted last: about one for each so many bytes of the cache. */
const bytesPerRefused = 32 * 1024;
const leastRefused = 64;
/** A decoded page takes so many times the memory of its frame, or less. */
const decodedGrowth = 2;

/** What the cache knows of the beginning of a scan. */
export interface KnownPages {
  pages: KeptPageReader[];
  /** What lies behind them; null where they are all there is. */
  rest: KeyInterval | null;
  /** What is known of what lies behind `rest`. */
  behind?: Omit<KnownPages, "behind">;
}

/** Of one shard. */
interface ShardMemory {
  readonly pages: PageList;
  readonly trail: WriteTrail;
}

/**
 * Pages of scans as the shards answered them, decoded, in the coordinator: what is scanned over and over costs no round trip. The
 * coordinator sees every write, so the cache is exactly coherent: a write drops the page that its key lies in at the call,
 * and a page that comes is kept only if no key in it was written since the call of its scan. Whatever is here is thus
 * true now, and a scan of this moment may take it.
 */
export class ScanCache {
  readonly #shards: readonly ShardMemory[];
  readonly #kept: SecondChanceCache<KeptPage> | undefined;
  /** Fingerprints of pages that were not admitted, each in the one place that it may have. */
  readonly #refused: Int32Array;
  hits = 0;
  misses = 0;

  /** 0 switches the cache off. */
  constructor(capacityBytes: number, shards: number, lender?: Lender) {
    this.#shards = Array.from({ length: shards }, () => ({ pages: new PageList(), trail: new WriteTrail() }));
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

  /** Now: with what it may borrow. */
  get capacityBytes(): number {
    return this.#kept?.limitBytes ?? 0;
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
   * For a page that came of a scan with this mark, and asked for with `request`; not read so far. Gives what is to be read
   * in its place where it is kept.
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
      // A value cannot be decoded: its reader will say so, where it comes to it.
      return undefined;
    }
  }

  /** Smaller pages, of scans of parts of the interval: in their place comes one. */
  #dropWithin(shard: number, { lower, upper }: KeyInterval): void {
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
    // What has to make room for it is taken out first.
    kept.set(nameOf(shard, page.interval.lower), page);
    if (page.sizeBytes <= kept.capacityBytes) {
      page.list.add(page);
    }
  }

  /** At the call of a write of this key. `mayBeScanned` false: no scan is under way. */
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

  /** At the call of a write to many keys: a range delete or a bulk load. */
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
   * Where nothing but one gap is unknown of what is wanted, what is known behind it: then only the gap is read. With more of them all from
   * the first on is read at once.
   */
  #collectUpOverGap(shard: number, wanted: KeyInterval, limit: number, nowMs: number): KnownPages {
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

  #collectUp(shard: number, { lower: start, upper }: KeyInterval, limit: number, nowMs: number): KnownPages {
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

  #collectDown(
    shard: number,
    { lower, upper: start }: KeyInterval,
    limit: number,
    nowMs: number,
  ): KnownPages {
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

  /** False where one of its entries has expired; the page is then dropped. */
  #isFresh(shard: number, page: KeptPage, nowMs: number): boolean {
    if (page.expiresAt !== 0 && page.expiresAt <= nowMs) {
      this.#drop(shard, page);
      return false;
    }
    return true;
  }

  /** Where something would have to go for it, only what was asked for not long ago as well is worth its place. */
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

/** An interval without what pages have that reach beyond it; undefined where nothing is left. */
function withoutNeighbours(pages: PageList, whole: KeyInterval): KeyInterval | undefined {
  let { lower, upper } = whole;
  const before = pages.floor(lower)?.interval;
  if (before !== undefined && (before.upper === null || before.upper > lower)) {
    if (before.upper === null) {
      return undefined;
    }
    lower = before.upper;
  }
  // Of the last page that begins in the interval, what lies behind the interval is not given up for it.
  const last = pages.below(upper)?.interval;
  if (last !== undefined && last.lower >= lower && reachesBeyond(last, upper)) {
    upper = last.lower;
  }
  return upper !== null && upper <= lower ? undefined : { lower, upper };
}

function reachesBeyond(interval: KeyInterval, upper: ByteString | null): boolean {
  return upper !== null && (interval.upper === null || interval.upper > upper);
}

function fingerprintOf(bytes: Uint8Array, seed: number): number {
  return finalMix(hashBytes(bytes, 0, bytes.length) ^ seed) | 0;
}
