import {
  type AbstractBatchOperation,
  type AbstractBatchOptions,
  type AbstractChainedBatch,
  type AbstractDatabaseOptions,
  type AbstractDelOptions,
  AbstractLevel,
  type AbstractOpenOptions,
  type AbstractPutOptions,
  type AbstractSnapshot,
} from "abstract-level";
import {
  type BatchOperation,
  type ClearOptions,
  type DurabilityMode,
  FastKV,
  FastKVError,
  type OpenOptions,
  type ScanOptions,
} from "../../index.js";
import { inLevelTerms, LevelError, levelError } from "./level-error.js";
import { fromBytes, type LevelData, toBytes } from "./level-format.js";
import { LevelIterator, LevelKeyIterator, LevelValueIterator } from "./level-iterators.js";
import { LevelSnapshot } from "./level-snapshot.js";

/** Options for opening the underlying FastKV, except those that Level sets itself. */
export type StoreOptions = Omit<OpenOptions, "encoding" | "createIfMissing" | "errorIfExists">;

const storeOptions: Record<keyof StoreOptions, true> = {
  shards: true,
  durability: true,
  maxMemtableSize: true,
  compression: true,
  cacheSize: true,
  readCacheSize: true,
  scanCacheSize: true,
  compactionParallelism: true,
  syncInterval: true,
  maxValueSize: true,
  maxInFlightBytes: true,
  blockSize: true,
  bloomBitsPerKey: true,
  targetTableSize: true,
  levelOneSize: true,
  maxOpenTables: true,
  handleSignals: true,
  execPath: true,
  busyPoll: true,
  execArgv: true,
  shardModule: true,
  runtimeFolder: true,
  allowSharedFolder: true,
  logger: true,
  lowSpaceThreshold: true,
};

interface FastKVLevelOpenOptions extends AbstractOpenOptions {
  /** Options of `FastKV.open`: shards, durability, compression and so on. */
  fastkv?: StoreOptions | undefined;
}

/** Options of a FastKVLevel: those of every Level, and FastKV's in a separate field. */
export interface FastKVLevelOptions<K, V> extends AbstractDatabaseOptions<K, V> {
  /** Options of `FastKV.open`: shards, durability, compression and so on. */
  fastkv?: StoreOptions | undefined;
}

interface WriteOptions {
  /** When the write is acknowledged. @default the database's */
  durability?: DurabilityMode | undefined;
  /** True means durability "sync"; other Levels use this name. */
  sync?: boolean | undefined;
}

interface ExpiryOptions {
  /** Milliseconds until the entry expires. @default never */
  ttl?: number | undefined;
}

export interface FastKVLevelPutOptions<K, V> extends AbstractPutOptions<K, V>, WriteOptions, ExpiryOptions {}
export interface FastKVLevelDelOptions<K> extends AbstractDelOptions<K>, WriteOptions {}
export interface FastKVLevelBatchOptions<K, V>
  extends AbstractBatchOptions<K, V>,
    WriteOptions,
    ExpiryOptions {}

/** The options that Level passes to the private methods. */
interface Reading {
  keyEncoding: string;
  valueEncoding: string;
  snapshot?: AbstractSnapshot | undefined;
}

interface Range {
  gt?: LevelData;
  gte?: LevelData;
  lt?: LevelData;
  lte?: LevelData;
  reverse: boolean;
  /** -1 means all. */
  limit: number;
  snapshot?: AbstractSnapshot | undefined;
}

interface Iterating extends Range {
  keys: boolean;
  values: boolean;
  keyEncoding: string;
  valueEncoding: string;
  signal?: AbortSignal | undefined;
}

type PrivateOperation = ExpiryOptions &
  ({ type: "put"; key: LevelData; value: LevelData } | { type: "del"; key: LevelData });

/**
 * FastKV as a Level: code written for `abstract-level` 3 runs on it. Values are stored as bytes.
 *
 * `getSync` is not supported, since a shard is another process.
 *
 * @example
 * const db = new FastKVLevel("./my_database", { valueEncoding: "json", fastkv: { shards: 4 } });
 * await db.put("user:1001", { name: "Alice" });
 * for await (const [key, value] of db.iterator({ gte: "user:" })) console.log(key, value);
 * await db.close();
 */
export class FastKVLevel<KDefault = string, VDefault = string> extends AbstractLevel<
  LevelData,
  KDefault,
  VDefault
> {
  /** The folder as given to the constructor. */
  readonly location: string;
  #store: FastKV | undefined;

  /**
   * @param location The folder of the database. Opening starts at once, in the background.
   * @throws FastKVError `FASTKV_INVALID_OPTION` for an option of `FastKV.open` that is not in `fastkv`.
   */
  constructor(location: string, options: FastKVLevelOptions<KDefault, VDefault> = {}) {
    if (typeof location !== "string" || location === "") {
      throw new TypeError("The first argument 'location' must be a non-empty string");
    }
    checkPlaces(options);
    super(
      {
        encodings: { utf8: true, buffer: true, view: true },
        seek: true,
        has: true,
        createIfMissing: true,
        errorIfExists: true,
        implicitSnapshots: true,
        explicitSnapshots: true,
        permanence: true,
        signals: { iterators: true },
      },
      options,
    );
    this.location = location;
  }

  /** The underlying store, for `stats`, `compact`, `bulkLoad` and events; undefined while it is not open. */
  get store(): FastKV | undefined {
    return this.#store;
  }

  /** Puts an entry. `ttl` and `durability` have the meaning they have in FastKV. */
  override put(key: KDefault, value: VDefault): Promise<void>;
  override put<K = KDefault, V = VDefault>(
    key: K,
    value: V,
    options: FastKVLevelPutOptions<K, V>,
  ): Promise<void>;
  override put<K, V>(key: K, value: V, options?: FastKVLevelPutOptions<K, V>): Promise<void> {
    return super.put(key, value, options as FastKVLevelPutOptions<K, V>);
  }

  /** Deletes an entry. A missing entry is not an error. */
  override del(key: KDefault): Promise<void>;
  override del<K = KDefault>(key: K, options: FastKVLevelDelOptions<K>): Promise<void>;
  override del<K>(key: K, options?: FastKVLevelDelOptions<K>): Promise<void> {
    return super.del(key, options as FastKVLevelDelOptions<K>);
  }

  /** Performs several operations, atomically over all shards. Without arguments it returns a chained batch. */
  override batch(operations: AbstractBatchOperation<this, KDefault, VDefault>[]): Promise<void>;
  override batch<K = KDefault, V = VDefault>(
    operations: AbstractBatchOperation<this, K, V>[],
    options: FastKVLevelBatchOptions<K, V>,
  ): Promise<void>;
  override batch(): AbstractChainedBatch<this, KDefault, VDefault>;
  override batch(...args: unknown[]): Promise<void> | AbstractChainedBatch<this, KDefault, VDefault> {
    return super.batch(...(args as []));
  }

  /** @internal */
  async _open(options: FastKVLevelOpenOptions): Promise<void> {
    checkPlaces(options);
    const { fastkv, createIfMissing, errorIfExists } = options;
    checkOwn(fastkv);
    this.#store = await inLevelTerms(() =>
      this._openStore(this.location, { ...fastkv, encoding: "binary", createIfMissing, errorIfExists }),
    );
  }

  /** For subclasses that open the store differently. @internal */
  _openStore(location: string, options: OpenOptions): Promise<FastKV> {
    return FastKV.open(location, options);
  }

  /** @internal */
  async _close(): Promise<void> {
    const store = this.#store;
    // The store is closed in any case. If this rejects, Level calls it again to reach the status "closed".
    this.#store = undefined;
    await inLevelTerms(async () => store?.close());
  }

  /** @internal */
  _get(key: LevelData, { valueEncoding, snapshot }: Reading): Promise<LevelData | undefined> {
    return inLevelTerms(async () => {
      const value = await this.#opened.get(key, { snapshot: LevelSnapshot.unwrap(snapshot) });
      return value === undefined ? undefined : fromBytes(valueEncoding)(value);
    });
  }

  /** @internal */
  _getMany(keys: LevelData[], { valueEncoding, snapshot }: Reading): Promise<(LevelData | undefined)[]> {
    return inLevelTerms(async () => {
      const values = await this.#opened.getMany(keys, { snapshot: LevelSnapshot.unwrap(snapshot) });
      const convert = fromBytes(valueEncoding);
      return values.map((value) => (value === undefined ? undefined : convert(value)));
    });
  }

  /** @internal */
  _has(key: LevelData, { snapshot }: Reading): Promise<boolean> {
    return inLevelTerms(() => this.#opened.has(key, { snapshot: LevelSnapshot.unwrap(snapshot) }));
  }

  /** @internal */
  _hasMany(keys: LevelData[], { snapshot }: Reading): Promise<boolean[]> {
    return inLevelTerms(() => this.#opened.hasMany(keys, { snapshot: LevelSnapshot.unwrap(snapshot) }));
  }

  /** @internal */
  _put(key: LevelData, value: LevelData, options: WriteOptions & ExpiryOptions): Promise<void> {
    return inLevelTerms(() =>
      this.#opened.put(key, toBytes(value), { ttl: options.ttl, durability: durabilityOf(options) }),
    );
  }

  /** @internal */
  _del(key: LevelData, options: WriteOptions): Promise<void> {
    return inLevelTerms(() => this.#opened.delete(key, { durability: durabilityOf(options) }));
  }

  /** @internal */
  _batch(operations: PrivateOperation[], options: WriteOptions): Promise<void> {
    return inLevelTerms(() =>
      this.#opened.batch(operations.map(storeOperation), { durability: durabilityOf(options) }),
    );
  }

  /** @internal */
  _clear(options: Range & WriteOptions): Promise<void> {
    return inLevelTerms(() => this.#opened.clear(clearOf(options), { durability: durabilityOf(options) }));
  }

  /** @internal */
  _iterator(options: Iterating): LevelIterator<this, unknown> {
    return this.#reading((store) => {
      const scanOptions = scanOf(options);
      const { keys, values, keyEncoding, valueEncoding } = options;
      const toKey = fromBytes(keyEncoding);
      const toValue = fromBytes(valueEncoding);
      if (!values) {
        const scan = store.keys(scanOptions);
        return new LevelIterator<this, unknown>(this, options, scan, (key) => [
          keys ? toKey(key) : undefined,
          undefined,
        ]);
      }
      if (!keys) {
        const scan = store.values(scanOptions);
        return new LevelIterator<this, unknown>(this, options, scan, (value) => [undefined, toValue(value)]);
      }
      const convert = ([key, value]: [Uint8Array, unknown]): [LevelData, LevelData] => [
        toKey(key),
        toValue(value),
      ];
      return new LevelIterator(this, options, store.scan(scanOptions), convert) as LevelIterator<
        this,
        unknown
      >;
    });
  }

  /** @internal */
  _keys(options: Iterating): LevelKeyIterator<this> {
    return this.#reading((store) => {
      return new LevelKeyIterator(this, options, store.keys(scanOf(options)), fromBytes(options.keyEncoding));
    });
  }

  /** @internal */
  _values(options: Iterating): LevelValueIterator<this> {
    return this.#reading((store) => {
      const scan = store.values(scanOf(options));
      return new LevelValueIterator(this, options, scan, fromBytes(options.valueEncoding));
    });
  }

  /** @internal */
  _snapshot(options: object): LevelSnapshot {
    return this.#reading((store) => new LevelSnapshot(store.snapshotSync(), options));
  }

  get #opened(): FastKV {
    if (this.#store === undefined) {
      throw new LevelError("LEVEL_DATABASE_NOT_OPEN", "Database is not open");
    }
    return this.#store;
  }

  #reading<T>(read: (store: FastKV) => T): T {
    try {
      return read(this.#opened);
    } catch (error) {
      throw levelError(error);
    }
  }
}

/** Level ignores options that it does not know, so a FastKV option in the wrong place must be refused here. */
function checkPlaces(options: object): void {
  const name = Object.keys(options).find((option) => Object.hasOwn(storeOptions, option));
  if (name !== undefined) {
    throw new FastKVError(
      "FASTKV_INVALID_OPTION",
      `Option ${name} is one of FastKV.open: give it as new FastKVLevel(location, { fastkv: { ${name} } })`,
    );
  }
}

/** Options that Level has itself have their place there, and would be overwritten. */
function checkOwn(fastkv: object = {}): void {
  const name = ["encoding", "createIfMissing", "errorIfExists"].find((one) => one in fastkv);
  if (name !== undefined) {
    const instead = name === "encoding" ? "valueEncoding" : name;
    throw new FastKVError(
      "FASTKV_INVALID_OPTION",
      `Option fastkv.${name} is Level's: give it as new FastKVLevel(location, { ${instead} })`,
    );
  }
}

function durabilityOf({ durability, sync }: WriteOptions): DurabilityMode | undefined {
  return durability ?? (sync === true ? "sync" : undefined);
}

function storeOperation(operation: PrivateOperation): BatchOperation {
  return operation.type === "put"
    ? { type: "put", key: operation.key, value: toBytes(operation.value), ttl: operation.ttl }
    : { type: "del", key: operation.key };
}

/** In Level, `gte` and `lte` take precedence over `gt` and `lt`; FastKV refuses both together. */
function rangeOf({ gt, gte, lt, lte, reverse, limit, snapshot }: Range) {
  const lower = gte === undefined ? { gt } : { gte };
  const upper = lte === undefined ? { lt } : { lte };
  const held = LevelSnapshot.unwrap(snapshot);
  return {
    // Level allows undefined bounds; `clear` refuses them.
    ...(gt === undefined && gte === undefined ? {} : lower),
    ...(lt === undefined && lte === undefined ? {} : upper),
    reverse,
    ...(limit < 0 ? {} : { limit }),
    ...(held === undefined ? {} : { snapshot: held }),
  };
}

/** In Level, a direction without a limit has no effect; `clear` refuses it. */
function clearOf(options: Range): ClearOptions {
  return rangeOf(options.limit < 0 ? { ...options, reverse: false } : options);
}

function scanOf(options: Iterating): ScanOptions & { keyEncoding: "binary" } {
  // In Level, keys need not be UTF-8: they are read as bytes and then converted to the program's format.
  return { ...rangeOf(options), signal: options.signal ?? undefined, keyEncoding: "binary" };
}
