/**
 * A storage adapter for Keyv: keeps a program's cache or store in FastKV.
 *
 * It imports nothing from Keyv and only has the shape that Keyv expects. Keyv 5 uses it directly, Keyv 6 through its
 * bridge for version 5 adapters. Both pass keys that already start with their namespace.
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
   * Prefix of each key in the database. Set one if the database also holds other data: without a namespace, Keyv's
   * `clear()` removes everything with this prefix.
   * @default ""
   */
  keyPrefix?: string | undefined;
  /**
   * How values are encoded. Keyv's own serializer produces strings, which every text encoding accepts.
   * @default "structured"
   */
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
 * Give each Keyv its own adapter. Adapters are light, and any number may share one database. (Keyv 5 sets its namespace
 * on the adapter, which needs it for `clear` and `iterator`.)
 *
 * @example
 * const users = new Keyv({ store: new KeyvFastKV(db), namespace: "users", ttl: 60_000 });
 */
export class KeyvFastKV {
  /** The database, for everything that Keyv does not offer. */
  readonly database: FastKV;
  /**
   * Keyv 5 iterates only over stores with a dialect that it knows. Like FastKV, etcd is a key-value store in key order.
   * Programs may add to the object.
   */
  readonly opts: Record<string, unknown> = { dialect: "etcd" };
  /**
   * Set by Keyv 5. The field must not exist before that: Keyv 6 takes it as a promise that the store itself adds the
   * namespace to keys.
   */
  declare namespace?: string | undefined;
  readonly #prefix: string;
  readonly #put: { encoding: ValueEncoding; durability?: DurabilityMode | undefined };
  readonly #write: { durability?: DurabilityMode | undefined };
  #ownsDatabase = false;

  /**
   * Stores entries in an open database, which stays open when Keyv disconnects.
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
   * Opens a database for a single Keyv; `keyv.disconnect()` closes it.
   *
   * @throws FastKVError like `FastKV.open`.
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

  /** Returns values by position; undefined for a missing key. */
  async getMany(keys: readonly string[]): Promise<unknown[]> {
    return this.database.getMany(this.#prefixed(keys));
  }

  /**
   * @param ttl In milliseconds. Omitted: never expires. 0 or less: the key is removed, since it has already expired.
   */
  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    const name = this.#prefix + key;
    if (hasExpired(ttl)) {
      await this.database.delete(name, this.#write);
    } else {
      await this.database.put(name, value, { ...this.#put, ttl: wholeTtl(ttl) });
    }
    return true;
  }

  /** Sets all entries, or none if one of them is refused. */
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

  /** Resolves to whether the key existed. */
  async delete(key: string): Promise<boolean> {
    return this.deleteMany([key]);
  }

  /** Removes all keys atomically. Resolves to whether all of them existed: Keyv 5 accepts a single answer only. */
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

  /** Removes everything in the namespace; without one, everything with the prefix `keyPrefix`. */
  async clear(): Promise<void> {
    await this.database.clear({ prefix: this.#prefixOf(this.namespace) }, this.#write);
  }

  /** Yields keys with their namespace, and values, in key order, as of one moment. */
  async *iterator(namespace?: string): AsyncGenerator<[string, unknown], void> {
    for await (const [key, value] of this.database.scan({ prefix: this.#prefixOf(namespace) })) {
      yield [key.slice(this.#prefix.length), value];
    }
  }

  /** Closes the database if `KeyvFastKV.open` opened it. */
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

/** FastKV uses whole milliseconds. Rounds up: a value lives at least as long as Keyv requests. */
function wholeTtl(ttl: number | undefined): number | undefined {
  return ttl === undefined || ttl === Number.POSITIVE_INFINITY ? undefined : Math.ceil(ttl);
}

function invalidOption(message: string): FastKVError {
  return new FastKVError("FASTKV_INVALID_OPTION", message);
}
