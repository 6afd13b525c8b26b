import { type ByteString, bytesOf } from "../shared/bytes.js";
import { firstScanPageEntries, maxScanPageEntries } from "../shared/limits.js";
import type { PageRange } from "../shared/wire/page.js";
import type { KnownPages } from "./cache/scan-cache.js";
import type { KeyInterval, ScanPage } from "./scan-page.js";

/** What the pages of one shard need of their scan. */
export interface PageSource {
  fetch(range: PageRange, maxEntries: number): Promise<ScanPage>;
  /** How many more entries are wanted than were asked for, from any shard. */
  readonly unasked: number;
  /** How many more entries are wanted than were taken. */
  readonly untaken: number;
  /** So many more entries come without being asked for; less than 0: so many that were asked for do not exist. */
  noteAsked(entries: number): void;
}

/** The entries of a shard's pages, one after the other. */
export class ShardPages {
  /** The page with the current entry; undefined while `state` is not "entry". */
  page: ScanPage | undefined;
  /** The current key; means nothing while `state` is not "entry". */
  key: ByteString = "";
  state: "entry" | "empty" | "done" = "empty";

  readonly #source: PageSource;
  /** Pages in memory behind this one; at first those from the scan cache. */
  readonly #ready: ScanPage[];
  /** The page that was asked for last, while it is on its way. */
  #coming: Promise<void> | undefined;
  /** What lies behind the last page that came, while no page of it is asked for. */
  #rest: PageRange | null = null;
  /** What the scan cache knows behind that. */
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

  /** Nothing was asked of the shard so far. */
  get isUnasked(): boolean {
    return this.#coming === undefined;
  }

  /** Behind what is in memory, as far as more is wanted. */
  askAhead(): void {
    const { unasked } = this.#source;
    if (this.#rest !== null && unasked > 0) {
      this.#askForMore(unasked);
    }
  }

  /** Moves on; false where the next page has to be awaited first. */
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

  /** Awaits the next page and stands on its first entry, or is done. */
  async refill(): Promise<void> {
    while (!this.advance()) {
      await this.#coming;
    }
  }

  /**
   * What has waited for its pages may have been promoted to V8's old generation, and what that refers to is copied by
   * one small collection after the other, although nobody else needs it any more.
   */
  drop(): void {
    this.page = undefined;
    this.#ready.length = 0;
    this.#behind = undefined;
  }

  /** A page is twice as large as the one before it, up to a limit. */
  #askForMore(wanted: number): void {
    this.#asked = Math.min(Math.max(this.#asked * 2, firstScanPageEntries), maxScanPageEntries, wanted);
    const rest = this.#rest!;
    this.#rest = null;
    this.#fetch(rest);
  }

  #fetch(range: PageRange): void {
    const coming = this.#source.fetch(range, this.#asked).then((page) => this.#onPage(page));
    // Whoever reads on sees the failure; a scan that is left must not end the process with it.
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

  /** All pages up to those that the scan cache knows are here. */
  #goOnBehind(): void {
    const known = this.#behind;
    if (known !== undefined) {
      this.#behind = undefined;
      this.#ready.push(...known.pages);
      this.#rest = known.rest && rangeOf(known.rest);
      this.#source.noteAsked(known.pages.reduce((sum, { entries }) => sum + entries, 0));
    }
  }

  /** One page ahead; in a long scan two, since one does not all come while the one before it is taken. */
  #keepAhead(): void {
    const most = this.#asked === maxScanPageEntries ? 1 : 0;
    if (this.#ready.length <= most && this.#coming === undefined) {
      this.askAhead();
    }
  }
}

function rangeOf({ lower, upper }: KeyInterval): PageRange {
  return { lower: bytesOf(lower), upper: upper === null ? null : bytesOf(upper) };
}
