/**
 * A scan over all shards, in key order. It is a consistent cut: its sequence number and time are taken when it is
 * called, and the first pages are requested in the same turn, so each shard knows of the scan before any later write.
 *
 * While one page of a shard is consumed, the next one is requested; in long scans the next two. At most three pages of
 * a shard are in memory. Pages that the scan cache has for this moment come first, the rest comes from the shards. A
 * shard's hold is released when the scan ends, is left, is aborted, or is garbage-collected unread.
 */

import type { FastKVError } from "../../shared/errors.js";
import { firstScanPageEntries, maxScanPageBytes } from "../../shared/limits.js";
import type { ReadPoint } from "../../shared/read-point.js";
import { type PageRange, type PageRequest, pageMode } from "../../shared/wire/page.js";
import type { KnownPages } from "../cache/scan-cache.js";
import { type ByteRange, isEmptyRange } from "../calls/ranges.js";
import type { ScanPage } from "../encoding/scan-page.js";
import type { Decode } from "../encoding/value-runs.js";
import type { OpenHolds } from "../snapshot/open-holds.js";
import { type PageSource, ShardPages } from "./shard-pages.js";
import { shareOf } from "./share.js";

/** After this many entries from memory the event loop gets a turn. */
const entriesPerTurn = 256;

/** Data about a page that the scan cache may keep. */
export interface Keeping {
  /** The cache's mark when the scan was called. */
  mark: number;
  decode: Decode;
}

/** What a scan needs from the database. */
export interface ScanHost {
  readonly shardCount: number;
  /** Returns the pages that the scan cache has for a scan that is being called; undefined if it has none. */
  known(shard: number, request: ScanRequest): KnownPages | undefined;
  /** The scan cache's mark of this moment, passed to `page`. */
  mark(shard: number): number;
  page(shard: number, request: PageRequest, keeping: Keeping | undefined): Promise<ScanPage>;
  readonly holds: OpenHolds;
  /** Resolves when this many bytes may be taken from memory without delaying other calls for too long. */
  bytesFromMemory(bytes: number): Promise<void>;
}

export interface ScanRequest {
  range: ByteRange;
  reverse: boolean;
  /** Infinity means all. */
  limit: number;
  point: ReadPoint;
  withValues: boolean;
  /**
   * Present if the scan reads the moment of its call, not an earlier one: the scan cache may then answer it and keep
   * its pages.
   */
  decode: Decode | undefined;
}

/** Makes what the program sees from the current entry of a page. */
export type EntryReader<T> = (page: ScanPage) => T;

/**
 * The running part of a scan: everything that must be released. Separate from the scan, so that a forgotten scan can be
 * collected.
 */
export class ScanRun {
  readonly #host: ScanHost;
  readonly #request: ScanRequest;
  #pages: ShardPages[] = [];
  readonly #holdId: number;
  /** False if the hold belongs to a cursor, which outlives this run. */
  #ownsHold: boolean;
  #isOver = false;
  #taken = 0;
  /** Number of entries requested so far, not counting those that turned out not to exist. */
  #asked = 0;
  #failure: FastKVError | undefined;
  /** The error of an entry that could not be decoded. Thrown after the entries before it have been taken. */
  #unreadable: { error: unknown } | undefined;
  #isPrimed = false;
  /** Approximate number of bytes that come from the scan cache. */
  #bytesFromMemory = 0;
  /** Number of shards for which the scan cache has everything the scan can need. */
  #shardsInMemory = 0;
  /** One item per shard; empty if pages must not be kept. */
  readonly #keeping: Keeping[] = [];
  /** Entries taken since the event loop last had a turn. */
  #takenInTurn = 0;
  /** Ends the current wait for pages. */
  #endWait: () => void = () => undefined;

  /** `heldBy`: the hold of an earlier run at the same point. It stays with its owner. */
  constructor(host: ScanHost, request: ScanRequest, heldBy?: number) {
    this.#host = host;
    this.#request = request;
    if (request.limit === 0 || isEmptyRange(request.range)) {
      this.#holdId = heldBy ?? 0;
      this.#ownsHold = false;
      this.#isPrimed = true;
      return;
    }
    this.#holdId = heldBy ?? host.holds.take(request.point);
    this.#ownsHold = heldBy === undefined;
    const firstEntries = Math.min(firstScanPageEntries, shareOf(request.limit, host.shardCount));
    for (let shard = 0; shard < host.shardCount; shard++) {
      const known = this.#recall(shard);
      this.#pages.push(new ShardPages(this.#sourceOf(shard), request.range, firstEntries, known));
    }
    if (this.#bytesFromMemory > 0) {
      this.#askBehindMemory();
    }
  }

  /** Looks up this scan's pages of one shard in the scan cache. */
  #recall(shard: number): KnownPages | undefined {
    const { decode } = this.#request;
    if (decode === undefined) {
      return undefined;
    }
    this.#keeping.push({ mark: this.#host.mark(shard), decode });
    const known = this.#host.known(shard, this.#request);
    if (known !== undefined) {
      let inMemory = 0;
      for (const { entries, bytes } of known.pages) {
        inMemory += entries;
        this.#bytesFromMemory += bytes;
      }
      this.#asked += inMemory;
      this.#shardsInMemory += known.rest === null || inMemory >= this.#request.limit ? 1 : 0;
    }
    return known;
  }

  #askBehindMemory(): void {
    for (const pages of this.#pages) {
      pages.askAhead();
    }
    if (this.#pages.some((pages) => pages.isUnasked)) {
      this.#host.holds.defer(this.#holdId);
    }
  }

  /** Releases everything. Later calls fail with `reason`. */
  end(reason?: FastKVError): void {
    this.#failure ??= reason;
    this.#isOver = true;
    for (const pages of this.#pages) {
      pages.drop();
    }
    this.#pages = [];
    this.#endWait();
    if (this.#ownsHold) {
      this.giveBackHold();
    }
  }

  /** Called when there will be no seek. If all pages are in memory, the hold in the shards is not needed. */
  giveUpSeeking(): void {
    if (this.#ownsHold && this.#shardsInMemory === this.#host.shardCount) {
      this.giveBackHold();
    }
  }

  /** From now on the hold outlives this run. The caller must release it. */
  keepHold(): void {
    this.#ownsHold = false;
  }

  giveBackHold(): void {
    this.#ownsHold = false;
    this.#host.holds.release(this.#holdId);
  }

  get range(): ByteRange {
    return this.#request.range;
  }

  get isReverse(): boolean {
    return this.#request.reverse;
  }

  /** Returns a run of the same scan in another range, with what remains of the limit. The hold must be kept. */
  restartIn(range: ByteRange): ScanRun {
    const limit = this.#request.limit - this.#taken;
    return new ScanRun(this.#host, { ...this.#request, range, limit, decode: undefined }, this.#holdId);
  }

  /** Throws if the scan was ended for a reason. */
  check(): void {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
  }

  /** Whether the next entry could not be decoded. */
  get isStuck(): boolean {
    return this.#unreadable !== undefined;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Moves at most `max` entries that are in memory to `into`. Returns true at the end of the scan. If it returns false
   * and took nothing, await `fill` first.
   */
  take<T>(read: EntryReader<T>, into: T[], max: number): boolean {
    this.check();
    if (this.#unreadable !== undefined) {
      throw this.#unreadable.error;
    }
    const start = into.length;
    const most = start + Math.min(max, entriesPerTurn - this.#takenInTurn);
    while (into.length < most) {
      if (this.#taken >= this.#request.limit) {
        return true;
      }
      const best = this.#best();
      if (best === undefined) {
        return this.#pages.every((pages) => pages.state === "done");
      }
      const page = best.page!;
      page.wanted = (this.#request.limit - this.#taken) / this.#pages.length;
      try {
        into.push(read(page));
      } catch (error) {
        this.#unreadable = { error };
        // The items in `into` come before the unreadable one.
        if (into.length === 0) {
          throw error;
        }
        return false;
      }
      this.#taken += 1;
      this.#takenInTurn += 1;
      best.advance();
    }
    return this.#taken >= this.#request.limit;
  }

  /**
   * Waits for the pages needed to find the next entry, or the end of the scan. If there were enough entries, waits for
   * one turn of the event loop instead: the next pages do not fit into a socket, and arrive while these are taken.
   */
  async fill(): Promise<void> {
    if (this.#takenInTurn === entriesPerTurn) {
      await new Promise((resolve) => setImmediate(resolve));
      this.#takenInTurn = 0;
    } else {
      if (this.#bytesFromMemory > 0) {
        const bytes = this.#bytesFromMemory;
        this.#bytesFromMemory = 0;
        await this.#unlessEnded(this.#host.bytesFromMemory(bytes));
      }
      await this.#unlessEnded(this.#refill());
    }
    this.check();
  }

  /**
   * Waits, but not longer than the scan lasts. (Racing against one promise for the whole scan would keep each wait in
   * memory.)
   */
  #unlessEnded(wait: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#endWait = resolve;
      wait.then(resolve, reject);
    });
  }

  async #refill(): Promise<void> {
    for (const pages of this.#pages) {
      if (pages.state === "empty" && !this.#isOver) {
        await pages.refill();
      }
    }
    this.#isPrimed = true;
  }

  /** Returns the shard with the next entry; undefined if one must be awaited or all are done. */
  #best(): ShardPages | undefined {
    if (!this.#isPrimed) {
      return undefined;
    }
    const { reverse } = this.#request;
    let best: ShardPages | undefined;
    for (const pages of this.#pages) {
      if (pages.state === "empty") {
        return undefined;
      }
      if (
        pages.state === "entry" &&
        (best === undefined || (reverse ? pages.key > best.key : pages.key < best.key))
      ) {
        best = pages;
      }
    }
    return best;
  }

  #sourceOf(shard: number): PageSource {
    const run = this;
    return {
      fetch: (range, maxEntries) => this.#page(shard, range, maxEntries),
      noteAsked: (entries) => {
        this.#asked += entries;
      },
      get unasked() {
        return run.#isOver ? 0 : Math.max(0, run.#request.limit - run.#asked);
      },
      get untaken() {
        return run.#request.limit - run.#taken;
      },
    };
  }

  #page(shard: number, { lower, upper }: PageRange, maxEntries: number): Promise<ScanPage> {
    const { reverse, point, withValues } = this.#request;
    this.#asked += maxEntries;
    const request: PageRequest = {
      type: "page",
      mode: withValues ? pageMode.entries : pageMode.keys,
      lower,
      upper,
      reverse,
      sequence: point.sequence,
      timeMs: point.timeMs,
      maxEntries,
      maxBytes: maxScanPageBytes,
      holdId: this.#holdId,
    };
    return this.#host.page(shard, request, this.#keeping[shard]);
  }
}
