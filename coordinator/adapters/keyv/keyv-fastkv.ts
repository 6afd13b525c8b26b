/**
 * A storage adapter for Keyv: a cache or store of a program that keeps its data in FastKV.
 *
 * It imports nothing of Keyv, only has the shape that Keyv asks for: Keyv 5 uses it as it is, Keyv 6 through its own
 * bridge for adapters of version 5. Both hand over keys that have their namespace in front.
 */

import {
  type DurabilityMode,
  FastKV,
  FastKVError,
  type OpenOptions,
  type ValueEncoding,
} from "../../index.js";

const optionNames = ["keyPrefix", "encoding", "durability"];

export interface KeyvFastKVOptions {
  /**
   * Put in front of each key in the database. Give one where the database holds other data, too: without a namespace,
   * Keyv's `clear()` removes everything below this prefix.
   * @default ""
   */
  keyPrefix?: string | undefined;
  /** How values are encoded. Keyv's own serializer makes strings, which every text encoding takes. @default "structured" */
  encoding?: ValueEncoding | undefined;
  /** When a write is acknowledged. @default the database's */
  durability?: DurabilityMode | undefined;
}

/** An entry of `setMany`; `ttl` is in milliseconds. */
export interface KeyvFastKVEntry {
  key: string;
  value: unknown;
  ttl?: number | undefined;
}

/**
 * Give each Keyv its own adapter; adapters are light, and any number may share one database. (Keyv 5 tells its
 * namespace to the adapter, which needs it for `clear` and `iterator`.)
 *
 * @example
 * const users = new Keyv({ store: new KeyvFastKV(db), namespace: "users", ttl: 60_000 });
 */
export class KeyvFastKV {
  /** The database, for everything that Keyv has no name for. */
  readonly database: FastKV;
  /**
   * Keyv 5 iterates over stores with one of the dialects that it knows; this one is a key-value store in key order,
   * too. Programs may add to the object.
   */
  readonly opts: Record<string, unknown> = { dialect: "etcd" };
  /**
   * Set by Keyv 5. It is no field before that: Keyv 6 takes the field as a promise that the store puts the namespace
   * in front of keys itself.
   */
  declare namespace?: string | undefined;
  readonly #prefix: string;
  readonly #put: { encoding: ValueEncoding; durability?: DurabilityMode | undefined };
  readonly #write: { durability?: DurabilityMode | undefined };
  #ownsDatabase = false;

  /**
   * Keeps the entries in an open database, which stays open when Keyv disconnects.
   *
   * @throws FastKVError `FASTKV_INVALID_OPTION`.
   */
  constructor(database: FastKV, options: KeyvFastKVOptions = {}) {
    if (!(database instanceof FastKV)) {
      throw invalidOption("KeyvFastKV takes an open database: await FastKV.open(folder), or KeyvFastKV.open");
    }
    const unknown = Object.keys(options).find((name) => !optionNames.includes(name));
    if (unknown !== undefined) {
      throw invalidOption(
        `KeyvFastKV has no option ${JSON.stringify(unknown.slice(0, 60))}; it has ${optionNames.join(", ")}`,
      );
    }
    const { keyPrefix = "", encoding = "structured", durability } = options;
    if (typeof keyPrefix !== "string") {
      throw invalidOption("Option keyPrefix must be a string");
    }
    this.database = database;
    this.#prefix = keyPrefix;
    this.#put = { encoding, durability };
    this.#write = { durability };
  }

  /**
   * Opens a database for one Keyv alone; `keyv.disconnect()` closes it.
   *
   * @throws FastKVError as `FastKV.open`.
   */
  static async open(folder: string, options: OpenOptions = {}): Promise<KeyvFastKV> {
    const { encoding = "structured", ...rest } = options;
    const adapter = new KeyvFastKV(await FastKV.open(folder, { encoding, ...rest }), { encoding });
    adapter.#ownsDatabase = true;
    return adapter;
  }

  async get(key: string): Promise<unknown> {
    return this.database.get(this.#prefix + key);
  }

  /** By position; undefined for a miss. */
  async getMany(keys: readonly string[]): Promise<unknown[]> {
    return this.database.getMany(this.#prefixed(keys));
  }

  /** @param ttl milliseconds; left out: for ever; 0 or less: the key is removed, since it has expired. */
  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    const name = this.#prefix + key;
    if (hasExpired(ttl)) {
      await this.database.delete(name, this.#write);
    } else {
      await this.database.put(name, value, { ...this.#put, ttl: wholeTtl(ttl) });
    }
    return true;
  }

  /** Sets all entries or, where one of them is refused, none. */
  async setMany(entries: readonly KeyvFastKVEntry[]): Promise<boolean[]> {
    const operations = entries.map(({ key, value, ttl }) => {
      const name = this.#prefix + key;
      return hasExpired(ttl)
        ? ({ type: "del", key: name } as const)
        : ({ type: "put", key: name, value, ttl: wholeTtl(ttl) } as const);
    });
    await this.database.batch(operations, this.#put);
    return entries.map(() => true);
  }

  /** Resolves to whether there was such a key. */
  async delete(key: string): Promise<boolean> {
    return this.deleteMany([key]);
  }

  /** Removes all of the keys at once. Resolves to whether all of them were there: the one answer that Keyv 5 knows. */
  async deleteMany(keys: readonly string[]): Promise<boolean> {
    const names = this.#prefixed(keys);
    const wereThere = this.database.hasMany(names);
    const removed = this.database.batch(
      names.map((key) => ({ type: "del", key }) as const),
      this.#write,
    );
    const [answers] = await Promise.all([wereThere, removed]);
    return answers.every(Boolean);
  }

  async has(key: string): Promise<boolean> {
    return this.database.has(this.#prefix + key);
  }

  async hasMany(keys: readonly string[]): Promise<boolean[]> {
    return this.database.hasMany(this.#prefixed(keys));
  }

  /** Removes what is in the namespace; without one, everything below `keyPrefix`. */
  async clear(): Promise<void> {
    await this.database.clear({ prefix: this.#prefixOf(this.namespace) }, this.#write);
  }

  /** Keys with their namespace, and values, in key order, as of one moment. */
  async *iterator(namespace?: string): AsyncGenerator<[string, unknown], void> {
    for await (const [key, value] of this.database.scan({ prefix: this.#prefixOf(namespace) })) {
      yield [key.slice(this.#prefix.length), value];
    }
  }

  /** Closes the database where `KeyvFastKV.open` opened it. */
  async disconnect(): Promise<void> {
    if (this.#ownsDatabase) {
      await this.database.close();
    }
  }

  #prefixed(keys: readonly string[]): string[] {
    return keys.map((key) => this.#prefix + key);
  }

  #prefixOf(namespace: string | undefined): string {
    return namespace === undefined || namespace === "" ? this.#prefix : `${this.#prefix}${namespace}:`;
  }
}

function hasExpired(ttl: number | undefined): boolean {
  return ttl !== undefined && ttl <= 0;
}

/** FastKV counts whole milliseconds; a value lives at least as long as Keyv asks for. */
function wholeTtl(ttl: number | undefined): number | undefined {
  return ttl === undefined || ttl === Number.POSITIVE_INFINITY ? undefined : Math.ceil(ttl);
}

function invalidOption(message: string): FastKVError {
  return new FastKVError("FASTKV_INVALID_OPTION", message);
}
