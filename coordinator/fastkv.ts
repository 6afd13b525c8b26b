import { EventEmitter } from "node:events";
import path from "node:path";
import { type InspectOptions, inspect } from "node:util";
import { type Class, type ClassOptions, ValueCodec } from "../shared/codec/value-codec.js";
import { FastKVError } from "../shared/errors.js";
import { encodingOfTag } from "../shared/format/value-encoding.js";
import type { DurabilityMode } from "../shared/options.js";
import { fileSystemSpace } from "../shared/storage/file-system-space.js";
import { NodeFileSystem } from "../shared/storage/node-file-system.js";
import { abortError, checkSignal } from "./calls/abort.js";
import type {
  BatchOperation,
  BulkEntry,
  BulkLoadOptions,
  ClearOptions,
  FastKVEvents,
  PutOptions,
  ReadOptions,
  ScanOptions,
  StoredEntry,
  WriteOptions,
} from "./calls/call-options.js";
import { type Key, keyBytes } from "./calls/keys.js";
import {
  checkNames,
  checkPath,
  durabilityModes,
  encodings,
  invalidOption,
  isPlainObject,
  type OpenOptions,
  oneOf,
  type ResolvedOptions,
  resolveOptions,
} from "./calls/options.js";
import { isEmptyRange, type RangeOptions, rangeNames, resolveRange } from "./calls/ranges.js";
import { asReadError, refusedRead, refusedWrite } from "./calls/refusals.js";
import { checkClear, checkScan } from "./calls/scan-request.js";
import { Database, type DatabaseEnvironment } from "./database.js";
import { EntryEncoder } from "./encoding/entry-encoder.js";
import type { PageReader } from "./encoding/page-reader.js";
import { checkFolderTrust } from "./ownership/folder-trust.js";
import { PointReads } from "./read/point-reads.js";
import { countKeys } from "./scan/counting.js";
import { type EntryReader, ScanRun } from "./scan/merged-scan.js";
import { OpenScans } from "./scan/open-scans.js";
import { Scan } from "./scan/scan.js";
import { defaultShardModule, ShardProcessLauncher } from "./shards/shard-process.js";
import { closeOnSignals, forgetSignals } from "./signals.js";
import { Snapshot, type SnapshotPoint } from "./snapshot/snapshot.js";
import { type DatabaseStats, gatherStats } from "./statistics.js";
import { putsOf } from "./write/batch.js";
import type { BulkLoadResult } from "./write/bulk-load.js";
import { EntrySource } from "./write/entry-source.js";
import { Writes } from "./write/writes.js";

const checkDurability = oneOf(durabilityModes);
const checkEncoding = oneOf(encodings);
const putNames = ["encoding", "ttl", "durability"];
const writeNames = ["durability"];
const readNames = ["snapshot"];

/**
 * An ordered, durable, sharded key-value store.
 *
 * Keys are strings or bytes, 0 to 65,535 bytes long, ordered by their bytes. Calls take effect in the order in which
 * they are made, awaited or not. Methods that return a promise reject with `FastKVError`; all others throw it. See its
 * `code`.
 *
 * @example
 * const db = await FastKV.open("./my_database");
 * await db.put("user:1001", { name: "Alice" });
 * for await (const [key, value] of db.scan("user:")) console.log(key, value);
 * await db.close();
 */
export class FastKV<V = unknown> extends EventEmitter<FastKVEvents> implements AsyncDisposable {
  readonly #database: Database;
  readonly #options: ResolvedOptions;
  readonly #codec: ValueCodec;
  /** Encodes keys and values during a call. Its contents are not used after the call returns. */
  readonly #encoder: EntryEncoder;
  readonly #reads: PointReads;
  readonly #writes: Writes;
  readonly #openScans = new OpenScans();
  /** Calls that take several requests to a shard. `close` waits for them. */
  readonly #underWay = new Set<Promise<unknown>>();

  private constructor(database: Database, options: ResolvedOptions) {
    super();
    if (!(database instanceof Database)) {
      throw invalidOption("FastKV has no public constructor. Use `await FastKV.open(folder)`");
    }
    this.#database = database;
    this.#options = options;
    this.#codec = new ValueCodec();
    this.#encoder = new EntryEncoder(this.#codec, database.topology, database.clock, options);
    this.#reads = new PointReads(database, this.#codec, this.#encoder);
    this.#writes = new Writes(database, this.#codec, this.#encoder);
    database.events.emitter = this;
  }

  /**
   * Opens the database in a folder. Creates it if it does not exist.
   *
   * @throws FastKVError `FASTKV_LOCKED` if it is already open, `FASTKV_SHARD_MISMATCH`, `FASTKV_NOT_FOUND`,
   * `FASTKV_NOT_A_DATABASE`, `FASTKV_UNSAFE_FOLDER`, `FASTKV_CORRUPTION`, `FASTKV_UNSUPPORTED_FORMAT`,
   * `FASTKV_INVALID_OPTION`, `FASTKV_IO`.
   */
  static async open<V = unknown>(folder: string, options: OpenOptions = {}): Promise<FastKV<V>> {
    checkPath(folder);
    const resolved = resolveOptions(options);
    const fileSystem = new NodeFileSystem();
    const { shardModule, execPath, execArgv, busyPoll, runtimeFolder } = resolved;
    const program = { module: shardModule ?? defaultShardModule, execPath, execArgv, busyPoll };
    return FastKV.openIn(path.resolve(folder), resolved, {
      fileSystem,
      checkFolder: (path) => checkFolderTrust(path, { allowShared: resolved.allowSharedFolder }),
      measureSpace: fileSystemSpace,
      startLauncher: () => ShardProcessLauncher.start(fileSystem, program, runtimeFolder),
    });
  }

  /** @internal Opens a database on a given environment instead of real files and shard processes. */
  static async openIn<V = unknown>(
    folder: string,
    options: ResolvedOptions,
    environment: DatabaseEnvironment,
  ): Promise<FastKV<V>> {
    const database = await Database.open(folder, options, environment);
    const store = new FastKV<V>(database, options);
    if (options.handleSignals) {
      closeOnSignals(store);
    }
    return store;
  }

  /** The absolute path of the database folder. */
  get path(): string {
    return this.#database.folder;
  }

  get shardCount(): number {
    return this.#database.shardCount;
  }

  get isClosed(): boolean {
    return this.#database.isClosed;
  }

  /** What `console.log` shows. */
  [inspect.custom](depth: number, options: InspectOptions): string {
    const { path, shardCount, isClosed } = this;
    return `FastKV ${inspect({ path, shardCount, isClosed }, { ...options, depth })}`;
  }

  // Writes

  /**
   * Sets the value of a key. Resolves when the write is as durable as `durability` requires.
   *
   * @throws FastKVError `FASTKV_INVALID_KEY`, `FASTKV_INVALID_VALUE`, `FASTKV_INVALID_OPTION`, `FASTKV_CLOSED`,
   * `FASTKV_OVERLOADED`, `FASTKV_NO_SPACE`, `FASTKV_SHARD_UNAVAILABLE`.
   */
  put(key: Key, value: V, options?: PutOptions): Promise<void> {
    try {
      this.#checkWritable();
      if (options !== undefined) {
        checkNames("put", options, putNames);
      }
      // Reading an option may run user code that calls the store, so the encoder is filled last.
      const mode = this.#mode(options);
      this.#encoder.setEntry(key, value, options);
      return this.#writes.put(key, mode);
    } catch (error) {
      return refusedWrite(error);
    }
  }

  /** Removes a key. A missing key is not an error. */
  delete(key: Key, options?: WriteOptions): Promise<void> {
    try {
      this.#checkWritable();
      if (options !== undefined) {
        checkNames("delete", options, writeNames);
      }
      const mode = this.#mode(options);
      this.#encoder.setKey(key);
      return this.#writes.delete(key, mode);
    } catch (error) {
      return refusedWrite(error);
    }
  }

  /**
   * Removes the keys that a scan of the same range would return if it were called now; without a range, all keys. The
   * clear is atomic over all shards: all of the keys are removed or none.
   *
   * With `limit` or `snapshot`, the keys are read first. They are removed by the time the promise resolves, except keys
   * that were written after the call. The removal is atomic for at most 10,000 keys of 8 MiB in total. Until it
   * happens, other calls still see the keys.
   */
  clear(range?: ClearOptions, options?: WriteOptions): Promise<void>;
  clear(...given: [range?: ClearOptions, options?: WriteOptions]): Promise<void> {
    return orRefusedWrite(() => {
      if (given.length > 0 && given[0] === undefined) {
        throw invalidOption(
          "clear got a range that is undefined, and would take all keys. Call clear() or clear({}) if it is to",
        );
      }
      const [range = {}, options] = given;
      return this.#clear(range, options);
    });
  }

  #clear(range: ClearOptions, options: WriteOptions | undefined): Promise<void> {
    const database = this.#checkWritable();
    const { reverse, limit, snapshot } = checkClear(range);
    const mode = this.#mode(options);
    const bytes = resolveRange(this.#encoder.scratch, range);
    const point = this.#pointOf(snapshot);
    if (isEmptyRange(bytes) || limit === 0) {
      return Promise.resolve();
    }
    if (point === undefined && limit === Number.POSITIVE_INFINITY) {
      return this.#writes.clear(bytes, mode);
    }
    checkAvailable(database);
    const shown = new ScanRun(database, {
      range: bytes,
      reverse,
      limit,
      point: point ?? database.point(),
      withValues: false,
      decode: undefined,
    });
    return this.#track(this.#writes.clearShown(shown, mode));
  }

  /**
   * Puts several entries, atomically over all shards: all of them or none, for readers and after a crash. When a key
   * occurs more than once, its last entry wins.
   */
  batchPut(entries: Iterable<readonly [Key, V]>, options?: PutOptions): Promise<void>;
  batchPut(entries: Readonly<Record<string, V>>, options?: PutOptions): Promise<void>;
  batchPut(
    entries: Iterable<readonly [Key, V]> | Readonly<Record<string, V>>,
    options: PutOptions = {},
  ): Promise<void> {
    return orRefusedWrite(() => {
      checkNames("batchPut", options, putNames);
      const isList = typeof entries === "object" && entries !== null && Symbol.iterator in entries;
      if (!isList && !isPlainObject(entries)) {
        throw invalidOption("batchPut takes pairs [key, value], a Map, or an object");
      }
      const pairs = isList
        ? (entries as Iterable<readonly [Key, V]>)
        : Object.entries(entries as Record<string, V>);
      return this.#batch(putsOf(pairs), options);
    });
  }

  /** Performs several puts and deletes, atomically over all shards. The last operation on a key wins. */
  batch(operations: Iterable<BatchOperation<V>>, options: PutOptions = {}): Promise<void> {
    return orRefusedWrite(() => {
      checkNames("batch", options, putNames);
      if (typeof operations !== "object" || operations === null || !(Symbol.iterator in operations)) {
        throw invalidOption("batch takes an array or another iterable of operations");
      }
      return this.#batch(operations, options);
    });
  }

  /**
   * Loads entries directly into sorted tables, without the write-ahead log: the fastest way to import a lot of data.
   * The source may be larger than memory, unsorted, and contain duplicate keys (the last entry wins). When the promise
   * resolves, all entries become visible at once and are on disk. A load that fails or is aborted leaves nothing
   * behind.
   */
  bulkLoad(
    source: Iterable<BulkEntry<V>> | AsyncIterable<BulkEntry<V>>,
    options: BulkLoadOptions = {},
  ): Promise<BulkLoadResult> {
    return orRefusedWrite(() => this.#bulkLoad(source, options));
  }

  #bulkLoad(
    source: Iterable<BulkEntry<V>> | AsyncIterable<BulkEntry<V>>,
    options: BulkLoadOptions,
  ): Promise<BulkLoadResult> {
    this.#checkWritable();
    checkNames("bulkLoad", options, ["encoding", "onProgress", "signal"]);
    const { signal, onProgress, encoding } = options;
    checkSignal(signal);
    if (onProgress !== undefined && typeof onProgress !== "function") {
      throw invalidOption("Option onProgress must be a function");
    }
    if (encoding !== undefined) {
      checkEncoding("encoding", encoding);
    }
    if (signal?.aborted) {
      throw abortError(signal, "not-applied");
    }
    const entries = new EntrySource<V>(source, this.#encoder, encoding);
    return this.#track(this.#writes.load(entries, { onProgress, signal }));
  }

  // Reads

  /** Returns the value of a key, or undefined. */
  get(key: Key, options?: ReadOptions): Promise<V | undefined> {
    try {
      this.#checkOpen();
      const point = options === undefined ? undefined : this.#readPoint("get", options);
      return this.#reads.get(key, point) as Promise<V | undefined>;
    } catch (error) {
      return refusedRead(error);
    }
  }

  /** Returns the values of several keys as of one moment, by position; undefined for a missing key. */
  getMany(keys: readonly Key[], options: ReadOptions = {}): Promise<(V | undefined)[]> {
    return this.#readMany("getMany", keys, options, true) as Promise<(V | undefined)[]>;
  }

  /** Returns, by position and as of one moment, whether each of several keys has a value. Shards send no values. */
  async hasMany(keys: readonly Key[], options: ReadOptions = {}): Promise<boolean[]> {
    const found = await this.#readMany("hasMany", keys, options, false);
    return found.map((isThere) => isThere === true);
  }

  #readMany(
    call: string,
    keys: readonly Key[],
    options: ReadOptions,
    withValues: boolean,
  ): Promise<unknown[]> {
    try {
      this.#checkOpen();
      const point = this.#readPoint(call, options);
      if (!Array.isArray(keys)) {
        throw invalidOption(`${call} takes an array of keys`);
      }
      return this.#reads.many(call, keys, point, withValues);
    } catch (error) {
      return refusedRead(error);
    }
  }

  /** Returns whether a key has a value. */
  async has(key: Key, options: ReadOptions = {}): Promise<boolean> {
    return (await this.#expiryOf("has", key, options)) >= 0;
  }

  /** Returns the milliseconds until a key expires: Infinity if it never expires, undefined if there is no such key. */
  async ttl(key: Key, options: ReadOptions = {}): Promise<number | undefined> {
    const expiresAt = await this.#expiryOf("ttl", key, options);
    if (expiresAt < 0) {
      return undefined;
    }
    return expiresAt === 0 ? Number.POSITIVE_INFINITY : Math.max(0, expiresAt - this.#database.clock.now());
  }

  /** Returns the number of keys in a range. The shards count them and send no values. */
  count(range: RangeOptions & ReadOptions = {}): Promise<number> {
    return orRefusedRead(() => {
      const database = this.#checkOpen();
      checkNames("count", range, [...rangeNames, "snapshot"]);
      const point = this.#pointOf(range.snapshot) ?? database.point();
      const bytes = resolveRange(this.#encoder.scratch, range);
      if (isEmptyRange(bytes)) {
        return Promise.resolve(0);
      }
      checkAvailable(database);
      return this.#track(countKeys(database, bytes, point));
    });
  }

  /**
   * Scans entries in key order, over all shards, as of the moment of the call: the scan sees no later write, however
   * long it is read. Call `scan(prefix, limit)` or `scan(options)`. Read the result once, with `for await`, `toArray()`
   * or `cursor()`.
   */
  scan(prefix?: Key, limit?: number): Scan<[string, V]>;
  scan(options: ScanOptions & { keyEncoding: "binary" }): Scan<[Uint8Array, V]>;
  scan(options: ScanOptions): Scan<[string, V]>;
  scan(first?: Key | ScanOptions, limit?: number): Scan<[string | Uint8Array, V]> {
    const decode = this.#decode;
    return this.#scan("scan", first, limit, "values", (keyOf) => (page) => [
      keyOf(page),
      page.value(decode) as V,
    ]);
  }

  /** Scans the keys that `scan` would return. Shards send no values. */
  keys(prefix?: Key, limit?: number): Scan<string>;
  keys(options: ScanOptions & { keyEncoding: "binary" }): Scan<Uint8Array>;
  keys(options: ScanOptions): Scan<string>;
  keys(first?: Key | ScanOptions, limit?: number): Scan<string | Uint8Array> {
    return this.#scan("keys", first, limit, "keys", (keyOf) => keyOf);
  }

  /** Scans the values that `scan` would return. */
  values(prefix?: Key, limit?: number): Scan<V>;
  values(options: ScanOptions): Scan<V>;
  values(first?: Key | ScanOptions, limit?: number): Scan<V> {
    const decode = this.#decode;
    return this.#scan("values", first, limit, "values", () => (page) => page.value(decode) as V);
  }

  /**
   * Scans the entries that `scan` would return, in their stored form, for exact copies.
   * `await other.bulkLoad(db.storedEntries())` copies a database into one with any number of shards, including
   * encodings and expiry times, without the need to register classes.
   */
  storedEntries(prefix?: Key, limit?: number): Scan<StoredEntry<string>>;
  storedEntries(options: ScanOptions & { keyEncoding: "binary" }): Scan<StoredEntry<Uint8Array>>;
  storedEntries(options: ScanOptions): Scan<StoredEntry<string>>;
  storedEntries(
    first?: Key | ScanOptions,
    limit?: number,
  ): Scan<StoredEntry<string> & StoredEntry<Uint8Array>> {
    return this.#scan("storedEntries", first, limit, "stored", (keyOf) => (scanned) => {
      // The scan cache keeps decoded values, so these entries never come from it.
      const page = scanned as PageReader;
      const { tag, expiresAt } = page;
      return {
        key: keyOf(page),
        stored: page.stored(),
        encoding: encodingOfTag(tag) ?? "binary",
        tag,
        expiresAt: expiresAt === 0 ? undefined : expiresAt,
      };
    });
  }

  /**
   * Takes a snapshot: the database as of the moment of the call, over all shards. Close the snapshot: data that it sees
   * cannot be removed by compaction.
   */
  async snapshot(): Promise<Snapshot<V>> {
    try {
      return this.snapshotSync();
    } catch (error) {
      return refusedRead(error);
    }
  }

  /** Like `snapshot`, but synchronous. Throws the errors with which `snapshot` rejects. */
  snapshotSync(): Snapshot<V> {
    const database = this.#checkOpen();
    const point = database.point();
    const { holds } = database;
    const holdId = holds.take(point);
    holds.defer(holdId);
    return new Snapshot<V>(this, point, () => holds.release(holdId));
  }

  // Everything else

  /** Returns statistics of the whole database and of each shard. */
  stats(): Promise<DatabaseStats> {
    return orRefusedRead(() => this.#track(gatherStats(this.#checkOpen())));
  }

  /** Flushes all memtables to tables. */
  flush(): Promise<void> {
    return this.#onAllShards("flush");
  }

  /** Compacts everything. This reclaims the space of overwritten, deleted and expired entries. */
  compact(): Promise<void> {
    return this.#onAllShards("compact");
  }

  /**
   * Makes instances of a class storable with the encoding "structured". Reading returns instances of that class.
   * Classes are identified by name and must be registered each time the database is opened.
   */
  registerClass<Instance extends object>(target: Class<Instance>, options?: ClassOptions<Instance>): void {
    this.#checkOpen();
    this.#codec.registerClass(target, options);
  }

  /**
   * Waits for earlier calls, syncs, and ends all processes. Open scans end with `FASTKV_CLOSED`, and so do bulk loads
   * whose commit has not started. A second call waits for the first.
   *
   * @throws FastKVError With the outcome "in-doubt" if the last writes may be lost because of a disk error:
   * `FASTKV_NO_SPACE`, `FASTKV_READ_ONLY`, `FASTKV_IO`, `FASTKV_SHARD_UNAVAILABLE`. With any other outcome nothing is
   * lost, but a file could not be closed or removed. The database is closed in either case.
   */
  async close(): Promise<void> {
    const database = this.#database;
    if (!database.isClosed) {
      const reason = new FastKVError("FASTKV_CLOSED", "The database was closed");
      this.#openScans.endAll(reason);
      this.#writes.stopLoads(reason);
    }
    try {
      await database.close([...this.#underWay]);
    } finally {
      forgetSignals(this);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // Internals

  #checkOpen(): Database {
    this.#database.checkOpen();
    return this.#database;
  }

  #checkWritable(): Database {
    this.#database.checkOpen();
    this.#database.batches.checkWritable();
    return this.#database;
  }

  readonly #decode = (tag: number, bytes: Buffer, start: number, end: number): unknown =>
    this.#codec.decode(tag, bytes, start, end);

  #mode(options: WriteOptions | undefined): DurabilityMode {
    return options?.durability === undefined
      ? this.#options.durability
      : checkDurability("durability", options.durability);
  }

  #readPoint(call: string, options: ReadOptions): SnapshotPoint | undefined {
    checkNames(call, options, readNames);
    return this.#pointOf(options.snapshot);
  }

  #pointOf(snapshot: Snapshot | undefined): SnapshotPoint | undefined {
    return snapshot === undefined ? undefined : Snapshot.pointOf(snapshot, this);
  }

  #batch(operations: Iterable<BatchOperation<V>>, options: PutOptions): Promise<void> {
    this.#checkWritable();
    return this.#writes.batch(operations, options, this.#mode(options));
  }

  #expiryOf(call: string, key: Key, options: ReadOptions): Promise<number> {
    try {
      this.#checkOpen();
      return this.#reads.expiry(key, this.#readPoint(call, options));
    } catch (error) {
      return refusedRead(error);
    }
  }

  #scan<T>(
    call: string,
    first: Key | ScanOptions | undefined,
    limit: number | undefined,
    wanted: "keys" | "values" | "stored",
    makeReader: (keyOf: EntryReader<string | Uint8Array>) => EntryReader<unknown>,
  ): Scan<T> {
    const database = this.#checkOpen();
    const options = checkScan(call, first, limit);
    const { reverse, snapshot, signal } = options;
    try {
      checkAvailable(database);
    } catch (error) {
      throw asReadError(error);
    }
    const point = this.#pointOf(snapshot);
    const mayUseCache = point === undefined && wanted !== "stored" && database.caches.scans.isEnabled;
    const run = new ScanRun(database, {
      range: resolveRange(this.#encoder.scratch, options.range),
      reverse,
      limit: options.limit,
      point: point ?? database.point(),
      withValues: wanted !== "keys",
      decode: mayUseCache ? this.#decode : undefined,
    });
    const reader = makeReader(options.keyEncoding === "utf8" ? keyTextOf : keyBytesOf) as EntryReader<T>;
    return new Scan<T>(
      run,
      reader,
      signal,
      (tracked) => this.#openScans.add(tracked),
      (key) => keyBytes(this.#encoder.scratch, key),
    );
  }

  async #onAllShards(type: "flush" | "compact"): Promise<void> {
    try {
      await this.#track(this.#checkWritable().writeOut(type));
    } catch (error) {
      return refusedRead(error);
    }
  }

  #track<T>(call: Promise<T>): Promise<T> {
    const settled: Promise<unknown> = call
      .catch(() => undefined)
      .finally(() => this.#underWay.delete(settled));
    this.#underWay.add(settled);
    return call;
  }
}

/** For calls that are rare enough that the cost of a closure does not matter. */
function orRefusedWrite<T>(call: () => Promise<T>): Promise<T> {
  try {
    return call();
  } catch (error) {
    return refusedWrite(error);
  }
}

function orRefusedRead<T>(call: () => Promise<T>): Promise<T> {
  try {
    return call();
  } catch (error) {
    return refusedRead(error);
  }
}

const keyTextOf: EntryReader<string> = (page) => page.keyText();
const keyBytesOf: EntryReader<Uint8Array> = (page) => page.keyBytes();

function checkAvailable(database: Database): void {
  for (const client of database.clients) {
    client.checkAvailable();
  }
}
