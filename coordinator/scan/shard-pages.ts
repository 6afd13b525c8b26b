import { type ByteString, bytesOf } from "../../shared/bytes.js";
import type { KeyRange } from "../../shared/key-range.js";
import { firstScanPageEntries, maxScanPageEntries } from "../../shared/limits.js";
import type { PageRange } from "../../shared/wire/page.js";
import type { KnownPages } from "../cache/scan-cache.js";
import type { ScanPage } from "../encoding/scan-page.js";

/** What the pages of one shard need from their scan. */
export interface PageSource {
  fetch(range: PageRange, maxEntries: number): Promise<ScanPage>;
  /** Number of entries still wanted beyond those requested, from any shard. */
  readonly unasked: number;
  /** Number of entries still wanted beyond those taken. */
  readonly untaken: number;
  /**
   * Notes that this many entries come without being requested. A negative number: requested entries that do not exist.
   */
  noteAsked(entries: number): void;
}

/** The entries of a shard's pages, in order. */
export class ShardPages {
  /** The page with the current entry; undefined unless `state` is "entry". */
  page: ScanPage | undefined;
  /** The current key; meaningless unless `state` is "entry". */
  key: ByteString = "";
  state: "entry" | "empty" | "done" = "empty";

  readonly #source: PageSource;
  /** Pages in memory after the current one; at first those from the scan cache. */
  readonly #ready: ScanPage[];
  /** The page requested last, while it is in flight. */
  #coming: Promise<void> | undefined;
  /** The range after the last page received; null while a page of it is requested, or if nothing is left. */
  #rest: PageRange | null = null;
  /** The pages that the scan cache has after that range. */
  #behind: KnownPages["behind"];
  #asked: number;

  constructor(source: PageSource, range: PageRange, firstEntries: number, known: KnownPages | undefined) {
    this.#source = source;
    this.#asked = firstEntries;
    this.#ready = known === undefined ? [] : known.pages;
    this.#behind = known?.behind;
    const rest = known === undefined ? range : known.rest && rangeOf(known.rest);
    if (this.#ready.length === 0 && rest !== null) {
      this.#fetch(rest);
    } else {
      this.#rest = rest;
    }
  }

  /** Whether nothing has been requested from the shard yet. */
  get isUnasked(): boolean {
    return this.#coming === undefined;
  }

  /** Requests the page after those in memory, if more entries are wanted. */
  askAhead(): void {
    const { unasked } = this.#source;
    if (this.#rest !== null && unasked > 0) {
      this.#askForMore(unasked);
    }
  }

  /** Moves to the next entry. Returns false if the next page must be awaited first. */
  advance(): boolean {
    while (this.page?.next() !== true) {
      this.page = this.#ready.shift();
      if (this.page === undefined) {
        return this.#advanceWithoutPage();
      }
      this.#keepAhead();
    }
    this.key = this.page.key;
    this.state = "entry";
    return true;
  }

  #advanceWithoutPage(): boolean {
    if (this.#coming === undefined) {
      const { untaken } = this.#source;
      if (this.#rest === null || untaken === 0) {
        this.state = "done";
        return true;
      }
      this.#askForMore(untaken);
    }
    this.state = "empty";
    return false;
  }

  /** Awaits the next page and moves to its first entry, or to the end. */
  async refill(): Promise<void> {
    while (!this.advance()) {
      await this.#coming;
    }
  }

  /**
   * Drops the pages. A scan that waited may be in V8's old generation: pages that it still refers to would be copied by
   * each minor collection, although nobody needs them.
   */
  drop(): void {
    this.page = undefined;
    this.#ready.length = 0;
    this.#behind = undefined;
  }

  /** Each page is twice as large as the one before it, up to a limit. */
  #askForMore(wanted: number): void {
    this.#asked = Math.min(Math.max(this.#asked * 2, firstScanPageEntries), maxScanPageEntries, wanted);
    const rest = this.#rest!;
    this.#rest = null;
    this.#fetch(rest);
  }

  #fetch(range: PageRange): void {
    const coming = this.#source.fetch(range, this.#asked).then((page) => this.#onPage(page));
    // A reader that continues sees the failure. If the scan is left, the failure must not end the process.
    coming.catch(() => undefined);
    this.#coming = coming;
  }

  #onPage(page: ScanPage): void {
    this.#coming = undefined;
    this.#ready.push(page);
    this.#rest = page.rest;
    if (page.rest === null) {
      this.#source.noteAsked(page.entries - this.#asked);
      this.#goOnBehind();
    }
    if (this.#rest !== null && this.page !== undefined) {
      this.#keepAhead();
    }
  }

  /** All pages before those in the scan cache have arrived. */
  #goOnBehind(): void {
    const known = this.#behind;
    if (known !== undefined) {
      this.#behind = undefined;
      this.#ready.push(...known.pages);
      this.#rest = known.rest && rangeOf(known.rest);
      this.#source.noteAsked(known.pages.reduce((sum, { entries }) => sum + entries, 0));
    }
  }

  /**
   * Keeps one page ahead. In a long scan two, since one page does not arrive completely while the page before it is
   * taken.
   */
  #keepAhead(): void {
    const most = this.#asked === maxScanPageEntries ? 1 : 0;
    if (this.#ready.length <= most && this.#coming === undefined) {
      this.askAhead();
    }
  }
}

function rangeOf({ lower, upper }: KeyRange): PageRange {
  return { lower: bytesOf(lower), upper: upper === null ? null : bytesOf(upper) };
}
