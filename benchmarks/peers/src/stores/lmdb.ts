import type { RootDatabase } from "lmdb";
import { afterPrefix, type Entry, importProblem, type Peer, type Range, type Store } from "./store.js";

/** lmdb-js with its defaults; `encoding` is JSON as in the other stores, or lmdb's own default. */
export function lmdb(name: string, settings: { encoding: "json" | "msgpack"; noSync: boolean }): Peer {
  const acknowledged = settings.noSync
    ? "noSync: the system writes when it likes"
    : "acknowledged when committed, each transaction synced right behind (fsynced: its promise `flushed`)";
  return {
    name,
    settings: `${settings.encoding}, all else by default: puts of a turn share a transaction; ${acknowledged}`,
    missing: () => importProblem(() => import("lmdb")),
    async open({ folder, values, durability }) {
      const { open } = await import("lmdb");
      const db: RootDatabase<unknown, string> = open<unknown, string>({
        path: folder,
        encoding: values === "json" ? settings.encoding : "binary",
        noSync: settings.noSync,
      });
      return new LmdbStore(db, durability === "sync");
    },
  };
}

class LmdbStore implements Store {
  readonly #db: RootDatabase<unknown, string>;
  readonly #sync: boolean;

  constructor(db: RootDatabase<unknown, string>, sync: boolean) {
    this.#db = db;
    this.#sync = sync;
  }

  put(key: string, value: unknown): Promise<unknown> {
    const written = this.#db.put(key, value);
    return this.#sync ? written.then(() => this.#db.flushed) : written;
  }

  get(key: string): unknown {
    return this.#db.get(key);
  }

  getMany(keys: string[]): Promise<unknown[]> {
    return this.#db.getMany(keys);
  }

  batch(entries: Entry[]): Promise<unknown> {
    return this.#db.batch(() => {
      for (const [key, value] of entries) {
        void this.#db.put(key, value);
      }
    });
  }

  collect({ prefix, from, limit }: Range): Entry[] {
    const range = prefix === undefined ? { start: from! } : { start: prefix, end: afterPrefix(prefix) };
    const entries: Entry[] = [];
    for (const { key, value } of this.#db.getRange(limit === undefined ? range : { ...range, limit })) {
      entries.push([key, value]);
    }
    return entries;
  }

  walk(visit: (key: string, value: unknown) => void): void {
    for (const { key, value } of this.#db.getRange()) {
      visit(key, value);
    }
  }

  drain(): Promise<unknown> {
    return this.#db.committed;
  }

  settle(): Promise<unknown> {
    return this.#db.flushed;
  }

  processIds(): number[] {
    return [];
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}
