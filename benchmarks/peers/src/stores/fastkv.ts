import { FastKV, type OpenOptions } from "fastkv";
import type { Entry, Peer, Range, Store, StoreOptions } from "./store.js";

export function fastkv(name: string, settings: OpenOptions): Peer {
  const said = Object.entries(settings).map(([option, value]) => `${option} ${value}`);
  return {
    name,
    settings: `${said.join(", ")}; all else by default; a put is acknowledged when the shard's log has it, synced every 100 ms (fsynced: when synced)`,
    missing: async () => undefined,
    open: async (options) =>
      new FastKVStore(await FastKV.open(options.folder, openOptions(settings, options))),
  };
}

const cachesOff: OpenOptions = { readCacheSize: 0, scanCacheSize: 0 };

function openOptions(settings: OpenOptions, { values, durability, readCache }: StoreOptions): OpenOptions {
  return { ...settings, encoding: values, durability, ...(readCache ? {} : cachesOff) };
}

class FastKVStore implements Store {
  readonly #db: FastKV;

  constructor(db: FastKV) {
    this.#db = db;
  }

  put(key: string, value: unknown): Promise<void> {
    return this.#db.put(key, value);
  }

  get(key: string): Promise<unknown> {
    return this.#db.get(key);
  }

  getMany(keys: string[]): Promise<unknown[]> {
    return this.#db.getMany(keys);
  }

  batch(entries: Entry[]): Promise<void> {
    return this.#db.batchPut(entries);
  }

  bulk(entries: Iterable<Entry>): Promise<unknown> {
    return this.#db.bulkLoad(entries);
  }

  collect({ prefix, from, limit }: Range): Promise<Entry[]> {
    return this.#db.scan({ prefix, gte: from, limit }).toArray();
  }

  async walk(visit: (key: string, value: unknown) => void): Promise<void> {
    for await (const [key, value] of this.#db.scan()) {
      visit(key, value);
    }
  }

  /** The answer comes after everything that was sent to the shards. */
  drain(): Promise<unknown> {
    return this.#db.stats();
  }

  async settle(): Promise<void> {
    await this.#db.flush();
    await this.#db.compact();
  }

  async processIds(): Promise<number[]> {
    return (await this.#db.stats()).shards.map((shard) => shard.pid);
  }

  async facts(): Promise<Record<string, number>> {
    const stats = await this.#db.stats();
    const sum = (pick: (shard: (typeof stats.shards)[number]) => number): number =>
      stats.shards.reduce((total, shard) => total + pick(shard), 0);
    return {
      blockReads: stats.block_reads + stats.block_cache.hits,
      flushes: sum((shard) => shard.flushes),
      compactions: sum((shard) => shard.compactions),
      slowMs: sum((shard) => shard.stall.slow_ms),
      stoppedMs: sum((shard) => shard.stall.stop_ms),
      readCacheHitRate: stats.read_cache.hit_rate,
      scanCacheHitRate: stats.scan_cache.hit_rate,
    };
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}
