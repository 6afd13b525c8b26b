/**
 * A scan over all shards, in key order. It is a consistent cut: its sequence number and time are taken when it is
 * called, and the first pages are asked for in the same turn, so each shard knows of it before any later write.
 *
 * Each shard is asked for a page ahead while the one before is consumed, in long scans for two; no more than three pages
 * of a shard are in memory. What the scan cache knows of a scan of this moment comes first, and the rest from the shards. A shard's hold
 * is given back when the scan ends, is left, is aborted, or is collected unread.
 */

import { FastKVError, type WriteOutcome } from "../shared/errors.js";
import { firstScanPageEntries, maxScanPageBytes } from "../shared/limits.js";
import { type PageRange, type PageRequest, pageMode } from "../shared/wire/page.js";
import type { KnownPages } from "./cache/scan-cache.js";
import type { OpenHolds } from "./open-holds.js";
import { type ByteRange, isEmptyRange } from "./ranges.js";
import type { ScanPage } from "./scan-page.js";
import { type PageSource, ShardPages } from "./shard-pages.js";
import { shareOf } from "./share.js";
import type { Decode } from "./value-runs.js";

/** So many entries in memory are taken before the event loop has a turn. */
const entriesPerTurn = 256;

export interface ScanPoint {
  sequence: number;
  timeMs: number;
}

/** What a page that the scan cache may keep comes with. */
export interface Keeping {
  /** The moment of its scan's call. */
  mark: number;
  decode: Decode;
}

/** What a scan needs of the database. */
export interface ScanHost {
  readonly shardCount: number;
  /** What the scan cache has of a scan that is being called; undefined where it has nothing. */
  known(shard: number, request: ScanRequest): KnownPages | undefined;
  /** This moment, for `page`. */
  mark(shard: number): number;
  page(shard: number, request: PageRequest, keeping: Keeping | undefined): Promise<ScanPage>;
  readonly holds: OpenHolds;
  /** Resolves when so much from memory may be taken without keeping everybody else waiting for too long. */
  bytesFromMemory(bytes: number): Promise<void>;
}

export interface ScanRequest {
  range: ByteRange;
  reverse: boolean;
  /** Infinity: all. */
  limit: number;
  point: ScanPoint;
  withValues: boolean;
  /**
   * Given where the scan is of the moment of its call, not of an earlier one: the scan cache may serve it, and keep its
   * pages.
   */
  decode: Decode | undefined;
}

/** Makes what a program sees of the current entry of a page. */
export type EntryReader<T> = (page: ScanPage) => T;

/** The running part of a scan: everything that must be given back. Apart, so that a forgotten scan is collected. */
export class ScanRun {
  readonly #host: ScanHost;
  readonly #request: ScanRequest;
  #pages: ShardPages[] = [];
  readonly #holdId: number;
  /** False: the hold is a cursor's, which outlives this run. */
  #ownsHold: boolean;
  #isOver = false;
  #taken = 0;
  /** How many entries were asked for, but for those that do not exist. */
  #asked = 0;
  #failure: FastKVError | undefined;
  /** An entry that could not be read: thrown when those before it have been taken. */
  #unreadable: { error: unknown } | undefined;
  #isPrimed = false;
  /** About how much comes from the scan cache. */
  #bytesFromMemory = 0;
  /** Of so many shards the scan cache has all that can be wanted. */
  #shardsInMemory = 0;
  /** For the pages of each shard; empty where they are not to be kept. */
  readonly #keeping: Keeping[] = [];
  /** How many entries were taken since the event loop last had a turn. */
  #takenInTurn = 0;
  /** Resolves when the scan ends, so that nobody waits for its pages any more. */
  readonly #ended: Promise<void>;
  #noteEnded: () => void = () => undefined;

  /** `heldBy`: the hold of an earlier run at the same point, which stays its owner's. */
  constructor(host: ScanHost, request: ScanRequest, heldBy?: number) {
    this.#host = host;
    this.#request = request;
    this.#ended = new Promise((resolve) => {
      this.#noteEnded = resolve;
    });
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

  /** What is known of the scan in this shard. */
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

  /** Gives everything back; what is asked for afterwards is refused with `reason`. */
  end(reason?: FastKVError): void {
    this.#failure ??= reason;
    this.#isOver = true;
    for (const pages of this.#pages) {
      pages.drop();
    }
    this.#pages = [];
    this.#noteEnded();
    if (this.#ownsHold) {
      this.giveBackHold();
    }
  }

  /** Nobody will read from other keys on: where all is in memory, nothing need be held in the shards. */
  giveUpSeeking(): void {
    if (this.#ownsHold && this.#shardsInMemory === this.#host.shardCount) {
      this.giveBackHold();
    }
  }

  /** From now on the hold outlives this run: whoever calls this gives it back. */
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

  /** The same scan, of what is still to be taken of it, in another range. The hold must be kept. */
  restartIn(range: ByteRange): ScanRun {
    const limit = this.#request.limit - this.#taken;
    return new ScanRun(this.#host, { ...this.#request, range, limit, decode: undefined }, this.#holdId);
  }

  /** Throws where the scan was ended for a reason. */
  check(): void {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
  }

  /** Whether the next entry could not be read. */
  get isStuck(): boolean {
    return this.#unreadable !== undefined;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Takes entries that are in memory into `into`, at most `max`; true where the scan is at its end. Where it answers
   * false with nothing taken, `fill` has to be awaited.
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
        // What `into` has already lies before it.
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
   * Awaits the pages without which the next entry is not known, or the end of the scan; where there are entries enough, a
   * turn of the event loop: the next pages do not fit into a socket, and come in while these are taken.
   */
  async fill(): Promise<void> {
    if (this.#takenInTurn === entriesPerTurn) {
      await new Promise((resolve) => setImmediate(resolve));
      this.#takenInTurn = 0;
    } else {
      if (this.#bytesFromMemory > 0) {
        const bytes = this.#bytesFromMemory;
        this.#bytesFromMemory = 0;
        await Promise.race([this.#host.bytesFromMemory(bytes), this.#ended]);
      }
      await Promise.race([this.#refill(), this.#ended]);
    }
    this.check();
  }

  async #refill(): Promise<void> {
    for (const pages of this.#pages) {
      if (pages.state === "empty" && !this.#isOver) {
        await pages.refill();
      }
    }
    this.#isPrimed = true;
  }

  /** The shard with the next entry; undefined where one has to be awaited or all are done. */
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

/** `writeOutcome`: "none" of a read, "not-applied" of a write. */
export function abortError(signal: AbortSignal, writeOutcome: WriteOutcome = "none"): FastKVError {
  return new FastKVError("FASTKV_ABORTED", "The call was aborted", { cause: signal.reason, writeOutcome });
}
