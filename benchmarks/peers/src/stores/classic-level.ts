import type { ClassicLevel } from "classic-level";
import { afterPrefix, type Entry, importProblem, type Peer, type Range, type Store } from "./store.js";

const cacheSizeBytes = 64 * 1024 * 1024;

export function classicLevel(name: string, compression: boolean): Peer {
  return {
    name,
    settings: `block cache of 64 MiB (as FastKV's two shards have), ${compression ? "Snappy (its default)" : "no compression"}, all else by default; acknowledged when its log has it, not synced (fsynced: sync: true)`,
    missing: () => importProblem(() => import("classic-level")),
    async open({ folder, values, durability }) {
      const { ClassicLevel } = await import("classic-level");
      const db = new ClassicLevel<string, unknown>(folder, {
        valueEncoding: values === "json" ? "json" : "buffer",
        cacheSize: cacheSizeBytes,
        compression,
      });
      await db.open();
      return new ClassicLevelStore(db, durability === "sync");
    },
  };
}

class ClassicLevelStore implements Store {
  readonly #db: ClassicLevel<string, unknown>;
  readonly #writeOptions: { sync: boolean };

  constructor(db: ClassicLevel<string, unknown>, sync: boolean) {
    this.#db = db;
    this.#writeOptions = { sync };
  }

  put(key: string, value: unknown): Promise<void> {
    return this.#db.put(key, value, this.#writeOptions);
  }

  get(key: string): Promise<unknown> {
    return this.#db.get(key);
  }

  getMany(keys: string[]): Promise<unknown[]> {
    return this.#db.getMany(keys);
  }

  batch(entries: Entry[]): Promise<void> {
    return this.#db.batch(
      entries.map(([key, value]) => ({ type: "put" as const, key, value })),
      this.#writeOptions,
    );
  }

  collect({ prefix, from, limit }: Range): Promise<Entry[]> {
    const range = prefix === undefined ? { gte: from! } : { gte: prefix, lt: afterPrefix(prefix) };
    return this.#db.iterator({ ...range, limit: limit ?? -1 }).all();
  }

  async walk(visit: (key: string, value: unknown) => void): Promise<void> {
    for await (const [key, value] of this.#db.iterator()) {
      visit(key, value);
    }
  }

  drain(): void {}

  settle(): Promise<void> {
    return this.#db.compactRange("", "\x7f");
  }

  processIds(): number[] {
    return [];
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}
