import { mkdirSync } from "node:fs";
import path from "node:path";
import type { Database, Statement } from "better-sqlite3";
import { afterPrefix, type Entry, importProblem, type Peer, type Range, type Store } from "./store.js";

const cacheKib = 64 * 1024;

export function betterSqlite3(name: string): Peer {
  return {
    name,
    settings:
      "one table WITHOUT ROWID, prepared statements, journal_mode WAL, page cache of 64 MiB, synchronous NORMAL: acknowledged when the write-ahead log has it, synced at checkpoints (fsynced: synchronous FULL)",
    missing: () =>
      importProblem(async () => {
        const { default: Database } = await import("better-sqlite3");
        new Database(":memory:").close();
      }),
    async open({ folder, values, durability }) {
      const { default: Database } = await import("better-sqlite3");
      mkdirSync(folder, { recursive: true });
      const db = new Database(path.join(folder, "store.sqlite"));
      db.pragma("journal_mode = WAL");
      db.pragma(`synchronous = ${durability === "sync" ? "FULL" : "NORMAL"}`);
      db.pragma(`cache_size = -${cacheKib}`);
      db.exec("CREATE TABLE IF NOT EXISTS kv (key TEXT PRIMARY KEY, value) WITHOUT ROWID");
      return new BetterSqlite3Store(db, values === "json");
    },
  };
}

type Row = [key: string, value: string | Buffer];

class BetterSqlite3Store implements Store {
  readonly #db: Database;
  readonly #encode: (value: unknown) => unknown;
  readonly #decode: (stored: string | Buffer) => unknown;
  readonly #put: Statement<[string, unknown]>;
  readonly #get: Statement<[string], string | Buffer>;
  readonly #between: Statement<[string, string, number], Row>;
  readonly #onward: Statement<[string, number], Row>;
  readonly #all: Statement<[], Row>;
  readonly #batch: (entries: Entry[]) => void;

  constructor(db: Database, json: boolean) {
    this.#db = db;
    this.#encode = json ? (value) => JSON.stringify(value) : (value) => value;
    this.#decode = json ? (stored) => JSON.parse(stored as string) : (stored) => stored;
    this.#put = db.prepare("INSERT OR REPLACE INTO kv (key, value) VALUES (?, ?)");
    this.#get = db.prepare<[string], string | Buffer>("SELECT value FROM kv WHERE key = ?").pluck();
    const select = "SELECT key, value FROM kv";
    this.#between = db
      .prepare<[string, string, number], Row>(`${select} WHERE key >= ? AND key < ? ORDER BY key LIMIT ?`)
      .raw();
    this.#onward = db.prepare<[string, number], Row>(`${select} WHERE key >= ? ORDER BY key LIMIT ?`).raw();
    this.#all = db.prepare<[], Row>(`${select} ORDER BY key`).raw();
    this.#batch = db.transaction((entries: Entry[]) => {
      for (const [key, value] of entries) {
        this.#put.run(key, this.#encode(value));
      }
    });
  }

  put(key: string, value: unknown): void {
    this.#put.run(key, this.#encode(value));
  }

  get(key: string): unknown {
    const stored = this.#get.get(key);
    return stored === undefined ? undefined : this.#decode(stored);
  }

  getMany(keys: string[]): unknown[] {
    return keys.map((key) => this.get(key));
  }

  batch(entries: Entry[]): void {
    this.#batch(entries);
  }

  collect({ prefix, from, limit }: Range): Entry[] {
    const rows =
      prefix === undefined
        ? this.#onward.all(from!, limit ?? -1)
        : this.#between.all(prefix, afterPrefix(prefix), limit ?? -1);
    return rows.map(([key, value]) => [key, this.#decode(value)]);
  }

  walk(visit: (key: string, value: unknown) => void): void {
    for (const [key, value] of this.#all.iterate()) {
      visit(key, this.#decode(value));
    }
  }

  drain(): void {}

  settle(): void {
    this.#db.pragma("wal_checkpoint(TRUNCATE)");
  }

  processIds(): number[] {
    return [];
  }

  async close(): Promise<void> {
    this.#db.close();
  }
}
