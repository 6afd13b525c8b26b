import { type PageRequest, pageMode } from "../../shared/wire/page.js";
import type { PageReader } from "../page-reader.js";
import type { Keep } from "../value-reader.js";
import { CachedValue, type ReadCache } from "./read-cache.js";

const entriesAhead = 32;
const bytesAhead = 16 * 1024;
/** What is read sees every write that was called before. */
const latest = Number.MAX_SAFE_INTEGER;

/** Asks a shard for a page; the writes called before the call are in it, later ones are not. */
export type FetchPage = (shard: number, request: PageRequest) => Promise<PageReader>;

/**
 * Fills the spare room of the read cache: when a key had to be asked for, those behind it in its shard are read as
 * well, many for the price of a few. A database that fits into the cache is soon read from memory alone; one that does
 * not fit has paid little when the cache is full, and nothing from then on.
 */
export class ReadAhead {
  readonly #cache: ReadCache;
  readonly #fetch: FetchPage;
  readonly #keep: Keep;
  readonly #nowMs: () => number;
  /** The shards that are reading ahead: one page each at a time. */
  readonly #busy = new Set<number>();

  constructor(cache: ReadCache, fetch: FetchPage, keep: Keep, nowMs: () => number) {
    this.#cache = cache;
    this.#fetch = fetch;
    this.#keep = keep;
    this.#nowMs = nowMs;
  }

  /** A key that was not cached was read from `shard`; `name`: the cache's for it. */
  from(shard: number, name: string): void {
    if (this.#busy.has(shard) || !this.#cache.hasRoom(2 * bytesAhead)) {
      return;
    }
    this.#busy.add(shard);
    void this.#read(shard, Buffer.from(name, "latin1")).finally(() => this.#busy.delete(shard));
  }

  async #read(shard: number, lower: Uint8Array): Promise<void> {
    const watch = this.#cache.watchWrites();
    try {
      const page = await this.#fetch(shard, {
        type: "page",
        mode: pageMode.entries,
        lower,
        upper: null,
        reverse: false,
        sequence: latest,
        timeMs: this.#nowMs(),
        maxEntries: entriesAhead,
        maxBytes: bytesAhead,
        holdId: 0,
      });
      while (page.next()) {
        const { key, tag, valueBytes, expiresAt } = page;
        const value = CachedValue.found(key, tag, page.kept(this.#keep), valueBytes, expiresAt);
        this.#cache.add(key, value, watch);
      }
    } catch {
      // The shard died or the database was closed: whoever asks for these keys is told.
    } finally {
      this.#cache.unwatchWrites(watch);
    }
  }
}
