import type { OpenOptions } from "../../coordinator/calls/options.js";
import type { Cursor } from "../../coordinator/scan/cursor.js";
import type { Snapshot } from "../../coordinator/snapshot/snapshot.js";
import type { SimulatedFileSystem } from "../support/simulated-file-system.js";
import { openSimulated, type SimulatedStore, SteppedClock } from "../support/simulated-store.js";
import type { ScanForm, StoreUnderTest } from "./model-run.js";
import { bytes, type Range, rangeOptions } from "./operations.js";

/** A shard may die so often before it is given up. */
const maxKills = 2;

function textOf(value: unknown): string | undefined {
  return value === undefined ? undefined : Buffer.from(value as Uint8Array).toString("latin1");
}

/** The keys of a cursor, some at a time, and again from the middle of them on. */
async function readBySteps(cursor: Cursor<Uint8Array>, limit: number): Promise<string[]> {
  const keys: Uint8Array[] = [];
  for (let step = await cursor.read(7); step.length > 0; step = await cursor.read(7)) {
    keys.push(...step);
  }
  const middle = keys.length >> 1;
  const rest = keys.slice(middle, middle + limit - keys.length).map(textOf);
  if (keys.length > 0) {
    cursor.seek(keys[middle]!);
    const again = (await cursor.read(Number.POSITIVE_INFINITY)).map(textOf);
    if (again.length !== rest.length || again.some((key, at) => key !== rest[at])) {
      throw new Error(`A cursor found ${again.length} keys behind a seek, not ${rest.length}`);
    }
  }
  await cursor.close();
  return keys.map((key) => textOf(key)!);
}

/** The whole store, by its public face. */
export class ShardedStore implements StoreUnderTest {
  readonly #disk: SimulatedFileSystem;
  readonly #options: OpenOptions;
  readonly #clock = new SteppedClock();
  #store!: SimulatedStore;
  #kills = 0;
  compactions = 0;

  private constructor(disk: SimulatedFileSystem, options: OpenOptions) {
    this.#disk = disk;
    this.#options = { encoding: "binary", maxMemtableSize: 64 * 1024, readCacheSize: 20_000, ...options };
  }

  static async open(disk: SimulatedFileSystem, options: OpenOptions): Promise<ShardedStore> {
    const store = new ShardedStore(disk, options);
    store.#store = await openSimulated(disk, store.#clock, store.#options);
    return store;
  }

  get nowMs(): number {
    return this.#clock.nowMs;
  }

  step(ms: number): void {
    this.#clock.nowMs += ms;
  }

  put(key: string, value: string, ttl: number): Promise<void> {
    return this.#db.put(bytes(key), bytes(value), ttl === 0 ? undefined : { ttl });
  }

  delete(key: string): Promise<void> {
    return this.#db.delete(bytes(key));
  }

  batch(entries: { key: string; value: string | undefined; ttl: number }[], viaPut: boolean): Promise<void> {
    if (viaPut) {
      return this.#db.batchPut(entries.map(({ key, value }) => [bytes(key), bytes(value!)]));
    }
    return this.#db.batch(
      entries.map(({ key, value, ttl }) =>
        value === undefined
          ? { type: "del", key: bytes(key) }
          : { type: "put", key: bytes(key), value: bytes(value), ttl: ttl === 0 ? undefined : ttl },
      ),
    );
  }

  async get(keys: string[], snapshot: unknown): Promise<{ values: (string | undefined)[]; has: boolean[] }> {
    const options = { snapshot: snapshot as Snapshot | undefined };
    const all = keys.map(bytes);
    const [many, single, has, hasMany] = await Promise.all([
      this.#db.getMany(all, options),
      Promise.all(all.map((key) => this.#db.get(key, options.snapshot === undefined ? undefined : options))),
      Promise.all(all.map((key) => this.#db.has(key, options))),
      this.#db.hasMany(all, options),
    ]);
    if (single.some((value, at) => textOf(value) !== textOf(many[at]))) {
      throw new Error("get and getMany differ");
    }
    if (has.some((isThere, at) => isThere !== hasMany[at])) {
      throw new Error("has and hasMany differ");
    }
    return { values: many.map(textOf), has };
  }

  async scan(
    { range, reverse, limit }: ScanForm,
    snapshot: unknown,
  ): Promise<{ entries: [string, string][]; keys: string[] }> {
    const options = {
      ...rangeOptions(range),
      reverse,
      limit,
      snapshot: snapshot as Snapshot | undefined,
      keyEncoding: "binary" as const,
    };
    const [entries, keys] = await Promise.all([
      this.#db.scan(options).toArray(),
      readBySteps(this.#db.keys(options).cursor(), limit),
    ]);
    return { entries: entries.map(([key, value]) => [textOf(key)!, textOf(value)!]), keys };
  }

  count(range: Range, snapshot: unknown): Promise<number> {
    return this.#db.count({ ...rangeOptions(range), snapshot: snapshot as Snapshot | undefined });
  }

  clear(range: Range): Promise<void> {
    return this.#db.clear(rangeOptions(range));
  }

  async bulkLoad(entries: { key: string; value: string }[]): Promise<void> {
    await this.#db.bulkLoad(entries.map(({ key, value }) => [bytes(key), bytes(value)] as const));
  }

  openSnapshot(): Promise<unknown> {
    return this.#db.snapshot();
  }

  closeSnapshot(snapshot: unknown): Promise<void> {
    return (snapshot as Snapshot).close();
  }

  flush(): Promise<void> {
    return this.#db.flush();
  }

  compact(): Promise<void> {
    return this.#db.compact();
  }

  async reopen(): Promise<void> {
    await this.close();
    this.#kills = 0;
    this.#store = await openSimulated(this.#disk, this.#clock, this.#options);
  }

  async kill(shard: number): Promise<void> {
    if (this.#kills < maxKills) {
      this.#kills += 1;
      this.#store.launcher.kill(shard % this.#db.shardCount);
    }
  }

  async close(): Promise<void> {
    const { shards } = await this.#db.stats();
    this.compactions += shards.reduce((sum, shard) => sum + shard.compactions, 0);
    await this.#db.close();
  }

  get #db(): SimulatedStore["db"] {
    return this.#store.db;
  }
}
