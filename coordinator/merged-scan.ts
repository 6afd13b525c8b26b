/**
 * A scan over all shards, in key order. It is a consistent cut: its sequence number and time are taken when it is
 * called, and the first pages are asked for in the same turn, so each shard knows of it before any later write.
 *
 * Each shard is asked for a page ahead while the one before is consumed; no more than two pages of a shard are in
 * memory. A shard's hold is given back when the scan ends, is left, is aborted, or is collected unread.
 */

import { FastKVError, invariant, type WriteOutcome } from "../shared/errors.js";
import { firstScanPageEntries, maxScanPageBytes, maxScanPageEntries } from "../shared/limits.js";
import type { PageMeta, PageReply } from "../shared/wire/messages.js";
import { type ByteRange, isEmptyRange } from "./ranges.js";

export interface ScanPoint {
  sequence: number;
  timeMs: number;
}

/** What a scan needs of the database. */
export interface ScanHost {
  readonly shardCount: number;
  page(shard: number, request: PageMeta): Promise<{ meta: PageReply; raw: Buffer }>;
  /** A fresh hold at `point`, known to every shard that starts from now on. */
  takeHold(point: ScanPoint): number;
  releaseHold(id: number): void;
}

export interface ScanRequest {
  range: ByteRange;
  reverse: boolean;
  /** Infinity: all. */
  limit: number;
  point: ScanPoint;
  withValues: boolean;
}

const entryHeaderBytes = 16;

/** The entries of a shard's pages, one after the other. */
class ShardPages {
  /** The current entry; means nothing while `state` is not "entry". */
  key = "";
  raw: Buffer = Buffer.alloc(0);
  tag = 0;
  /** 0: never. */
  expiresAt = 0;
  keyStart = 0;
  valueStart = 0;
  valueEnd = 0;
  state: "entry" | "empty" | "done" = "empty";

  readonly #fetch: (range: ByteRange, maxEntries: number) => Promise<{ meta: PageReply; raw: Buffer }>;
  #next: Promise<{ meta: PageReply; raw: Buffer }> | undefined;
  #maxEntries: number;
  /** Entries that the scan may still want of this shard: none is asked for beyond its limit. */
  #wanted: number;
  #at = 0;

  constructor(
    range: ByteRange,
    limit: number,
    fetch: (range: ByteRange, maxEntries: number) => Promise<{ meta: PageReply; raw: Buffer }>,
  ) {
    this.#fetch = fetch;
    this.#wanted = limit;
    this.#maxEntries = firstScanPageEntries;
    this.#ask(range);
  }

  /** Moves on; false where the next page has to be awaited first. */
  advance(): boolean {
    if (this.#at < this.raw.length) {
      this.#readEntry();
      return true;
    }
    if (this.#next === undefined) {
      this.state = "done";
      return true;
    }
    this.state = "empty";
    return false;
  }

  /** Awaits the next page and stands on its first entry, or is done. */
  async refill(): Promise<void> {
    while (!this.advance()) {
      const { meta, raw } = await this.#next!;
      this.#next = undefined;
      this.raw = raw;
      this.#at = 0;
      this.#wanted -= meta.entries;
      if (meta.rest !== null && this.#wanted > 0) {
        this.#maxEntries = Math.min(this.#maxEntries * 2, maxScanPageEntries);
        this.#ask({
          lower: Buffer.from(meta.rest.lower),
          upper: meta.rest.upper === null ? null : Buffer.from(meta.rest.upper),
        });
      }
    }
  }

  #ask(range: ByteRange): void {
    this.#next = this.#fetch(range, Math.min(this.#maxEntries, this.#wanted));
    // Whoever reads on sees the failure; a scan that is left must not end the process with it.
    this.#next.catch(() => undefined);
  }

  #readEntry(): void {
    const { raw } = this;
    const at = this.#at;
    const keyBytes = raw.readUInt16LE(at);
    this.tag = raw[at + 2]!;
    this.expiresAt = raw.readDoubleLE(at + 8);
    this.keyStart = at + entryHeaderBytes;
    this.valueStart = this.keyStart + keyBytes;
    this.valueEnd = this.valueStart + raw.readUInt32LE(at + 4);
    invariant(this.valueEnd <= raw.length, "a page ends with an entry");
    this.key = raw.latin1Slice(this.keyStart, this.valueStart);
    this.#at = this.valueEnd;
    this.state = "entry";
  }
}

/** Makes what a program sees of an entry. */
export type EntryReader<T> = (
  raw: Buffer,
  keyStart: number,
  valueStart: number,
  valueEnd: number,
  tag: number,
  expiresAt: number,
) => T;

/** The running part of a scan: everything that must be given back. Apart, so that a forgotten scan is collected. */
export class ScanRun {
  readonly #host: ScanHost;
  readonly #request: ScanRequest;
  readonly #pages: ShardPages[] = [];
  readonly #holdId: number;
  /** False: the hold is a cursor's, which outlives this run. */
  #ownsHold: boolean;
  #isOver = false;
  #taken = 0;
  #failure: FastKVError | undefined;
  /** An entry that could not be read: thrown when those before it have been taken. */
  #unreadable: { error: unknown } | undefined;
  #isPrimed = false;
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
    this.#holdId = heldBy ?? host.takeHold(request.point);
    this.#ownsHold = heldBy === undefined;
    for (let shard = 0; shard < host.shardCount; shard++) {
      this.#pages.push(
        new ShardPages(request.range, request.limit, (range, maxEntries) =>
          this.#page(shard, range, maxEntries),
        ),
      );
    }
  }

  /** Gives everything back; what is asked for afterwards is refused with `reason`. */
  end(reason?: FastKVError): void {
    this.#failure ??= reason;
    this.#isOver = true;
    this.#noteEnded();
    if (this.#ownsHold) {
      this.giveBackHold();
    }
  }

  /** From now on the hold outlives this run: whoever calls this gives it back. */
  keepHold(): void {
    this.#ownsHold = false;
  }

  giveBackHold(): void {
    this.#ownsHold = false;
    this.#host.releaseHold(this.#holdId);
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
    return new ScanRun(this.#host, { ...this.#request, range, limit }, this.#holdId);
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
    while (into.length - start < max) {
      if (this.#taken >= this.#request.limit) {
        return true;
      }
      const best = this.#best();
      if (best === undefined) {
        return this.#pages.every((pages) => pages.state === "done");
      }
      try {
        into.push(read(best.raw, best.keyStart, best.valueStart, best.valueEnd, best.tag, best.expiresAt));
      } catch (error) {
        this.#unreadable = { error };
        if (into.length === start) {
          throw error;
        }
        return false;
      }
      this.#taken += 1;
      best.advance();
    }
    return this.#taken >= this.#request.limit;
  }

  /** Awaits the pages without which the next entry is not known, or the end of the scan. */
  async fill(): Promise<void> {
    await Promise.race([this.#refill(), this.#ended]);
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

  #page(shard: number, range: ByteRange, maxEntries: number): Promise<{ meta: PageReply; raw: Buffer }> {
    const { reverse, point, withValues } = this.#request;
    return this.#host.page(shard, {
      type: "page",
      mode: withValues ? "entries" : "keys",
      lower: range.lower,
      upper: range.upper,
      reverse,
      sequence: point.sequence,
      timeMs: point.timeMs,
      maxEntries,
      maxBytes: maxScanPageBytes,
      holdId: this.#holdId,
    });
  }
}

/** `writeOutcome`: "none" of a read, "not-applied" of a write. */
export function abortError(signal: AbortSignal, writeOutcome: WriteOutcome = "none"): FastKVError {
  return new FastKVError("FASTKV_ABORTED", "The call was aborted", { cause: signal.reason, writeOutcome });
}
