import { EventEmitter } from "node:events";
import path from "node:path";
import { type InspectOptions, inspect } from "node:util";
import { type Class, type ClassOptions, ValueCodec } from "../shared/codec/value-codec.js";
import { FastKVError } from "../shared/errors.js";
import { operationKind } from "../shared/format/operations.js";
import { encodingOfTag } from "../shared/format/value-encoding.js";
import type { DurabilityMode } from "../shared/options.js";
import { fileSystemSpace } from "../shared/storage/file-system-space.js";
import { NodeFileSystem } from "../shared/storage/node-file-system.js";
import { deleteRangeSection, encodeBatch, putsOf } from "./batch.js";
import { BulkLoad, type BulkLoadResult } from "./bulk-load.js";
import { CachedWrite, type Refill } from "./cache/cached-write.js";
import type { FillTicket } from "./cache/read-cache.js";
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
} from "./call-options.js";
import { KeyClear } from "./clearing.js";
import { countKeys } from "./counting.js";
import { Database, type DatabaseEnvironment } from "./database.js";
import { EntryEncoder } from "./entry-encoder.js";
import { EntrySource } from "./entry-source.js";
import { type Key, keyBytes } from "./keys.js";
import { abortError, type EntryReader, ScanRun } from "./merged-scan.js";
import { OpenScans } from "./open-scans.js";
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
} from "./options.js";
import { checkFolderTrust } from "./ownership/folder-trust.js";
import type { PageReader } from "./page-reader.js";
import { PointReads } from "./point-reads.js";
import { isEmptyRange, type RangeOptions, rangeNames, resolveRange } from "./ranges.js";

import { notApplied, ofRead, refusedRead, refusedWrite } from "./refusals.js";
import { Scan } from "./scan.js";
import { checkClear, checkScan, checkSignal } from "./scan-request.js";
import { defaultShardModule, ShardProcessLauncher } from "./shards/shard-process.js";
import { closeOnSignals, forgetSignals } from "./signals.js";
import { Snapshot, type SnapshotPoint } from "./snapshot.js";
import { type DatabaseStats, gatherStats } from "./statistics.js";

const checkDurability = oneOf(durabilityModes);
const checkEncoding = oneOf(encodings);
const putNames = ["encoding", "ttl", "durability"];
const writeNames = ["durability"];
const readNames = ["snapshot"];

/**
 * An ordered, durable, sharded key-value store.
 *
 * Keys are strings or bytes, 0 to 65,535 bytes, ordered by their bytes. Effects follow the order of calls, awaited or
 * not. Every method that gives a promise rejects with `FastKVError`, see its `code`; the others throw it.
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
  /** Encodes what is called; nothing of it is used after the call has returned. */
  readonly #encoder: EntryEncoder;
  readonly #reads: PointReads;
  readonly #openScans = new OpenScans();
  readonly #loads = new Set<BulkLoad>();
  /** Clears that read keys and have not yet deleted them all. */
  readonly #clears = new Set<KeyClear>();
  /** Calls that take more than one request to a shard: closing waits for them. */
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
    database.events.emitter = this;
  }

  /**
   * Opens the database in a folder, and creates it where there is none.
   *
   * @throws FastKVError `FASTKV_LOCKED` where it is open already, `FASTKV_SHARD_MISMATCH`, `FASTKV_NOT_FOUND`,
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

  /** @internal Opens a database on other files and shards than the real ones. */
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

  /** The folder, absolute. */
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
   * Sets the value of a key. Resolves when the write is as durable as `durability` says.
   *
   * @throws FastKVError `FASTKV_INVALID_KEY`, `FASTKV_INVALID_VALUE`, `FASTKV_INVALID_OPTION`, `FASTKV_CLOSED`,
   * `FASTKV_OVERLOADED`, `FASTKV_NO_SPACE`, `FASTKV_SHARD_UNAVAILABLE`.
   */
  put(key: Key, value: V, options?: PutOptions): Promise<void> {
    try {
      const database = this.#checkWritable();
      if (options !== undefined) {
        checkNames("put", options, putNames);
      }
      // Reading an option may run code that calls the store: what is in the encoder comes last.
      const mode = this.#mode(options);
      this.#encoder.setEntry(key, value, options);
      return this.#write(database, operationKind.put, key, mode);
    } catch (error) {
      return refusedWrite(error);
    }
  }

  /** Removes a key; a missing one is no error. */
  delete(key: Key, options?: WriteOptions): Promise<void> {
    try {
      const database = this.#checkWritable();
      if (options !== undefined) {
        checkNames("delete", options, writeNames);
      }
      const mode = this.#mode(options);
      this.#encoder.setKey(key);
      return this.#write(database, operationKind.delete, key, mode);
    } catch (error) {
      return refusedWrite(error);
    }
  }

  /**
   * Removes the keys that a scan of the same range, called now, would show; without a range all keys. All of it
   * happens or none, over all shards.
   *
   * With `limit` or `snapshot` the keys have to be read first: they are gone when the promise resolves, but for those
   * that were written after the call; all at once where they are at most 10,000 with 8 MiB together. Calls meanwhile still see them.
   */
  clear(range: ClearOptions = {}, options?: WriteOptions): Promise<void> {
    return orRefusedWrite(() => this.#clear(range, options));
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
    if (point !== undefined || limit !== Number.POSITIVE_INFINITY) {
      checkAvailable(database);
      const clear = new KeyClear(
        new ScanRun(database, {
          range: bytes,
          reverse,
          limit,
          point: point ?? database.point(),
          withValues: false,
          decode: undefined,
        }),
        (operations) => this.#writeOperations(database, operations, {}, mode),
      );
      this.#clears.add(clear);
      return this.#track(clear.run().finally(() => this.#clears.delete(clear)));
    }
    database.caches.noteManyWritten();
    const parts = database.clients.map(({ index }) => ({ shard: index, section: deleteRangeSection(bytes) }));
    return database.batches.write(parts, mode === "sync", mode !== "none");
  }

  /**
   * Puts several entries, atomically over all shards: all of them or none, for readers and after any crash. The last
   * entry of a key wins.
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
   * Loads entries past the write-ahead log, straight into sorted tables: the fastest way to bring in much data. The
   * source may be larger than memory, unsorted and with duplicates (the last wins). Everything becomes visible at
   * once when the promise resolves, and is then on disk; a load that fails or is aborted leaves nothing.
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
    const database = this.#checkWritable();
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
    return this.#runLoad(database, new EntrySource<V>(source, this.#encoder, encoding), onProgress, signal);
  }

  async #runLoad(
    database: Database,
    entries: EntrySource<V>,
    onProgress: BulkLoadOptions["onProgress"],
    signal: AbortSignal | undefined,
  ): Promise<BulkLoadResult> {
    const load = new BulkLoad(
      {
        shardCount: database.shardCount,
        request: (shard, request, settings) => database.request(shard, request, settings),
        begin: (loadId) => database.batches.beginLoad(loadId),
        end: (loadId) => database.batches.endLoad(loadId),
        obstacle: () => this.#clearsUnderWay(),
        commit: (loadId) => {
          database.caches.noteManyWritten();
          return database.batches.commitLoad(loadId);
        },
      },
      { onProgress },
    );
    const onAbort = (): void => load.stop(abortError(signal!, "not-applied"));
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#loads.add(load);
    try {
      return await this.#track(load.run(() => entries.pull(load)));
    } catch (error) {
      entries.leave();
      throw error;
    } finally {
      this.#loads.delete(load);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** A clear that reads its keys cannot tell which of them a load writes: the load becomes visible behind it. */
  #clearsUnderWay(): Promise<unknown> | undefined {
    return this.#clears.size === 0
      ? undefined
      : Promise.allSettled([...this.#clears].map((clear) => clear.ended));
  }

  // Reads

  /** The value of a key, or undefined. */
  get(key: Key, options?: ReadOptions): Promise<V | undefined> {
    try {
      this.#checkOpen();
      const point = options === undefined ? undefined : this.#readPoint("get", options);
      return this.#reads.get(key, point) as Promise<V | undefined>;
    } catch (error) {
      return refusedRead(error);
    }
  }

  /** The values of several keys as of one moment, by position; undefined for a miss. */
  getMany(keys: readonly Key[], options: ReadOptions = {}): Promise<(V | undefined)[]> {
    return this.#readMany("getMany", keys, options, true) as Promise<(V | undefined)[]>;
  }

  /** Whether each of several keys has a value, as of one moment, by position; no values travel. */
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

  /** Whether a key has a value. */
  async has(key: Key, options: ReadOptions = {}): Promise<boolean> {
    return (await this.#expiryOf("has", key, options)) >= 0;
  }

  /** Milliseconds until a key expires; Infinity where it never does, undefined where there is no such key. */
  async ttl(key: Key, options: ReadOptions = {}): Promise<number | undefined> {
    const expiresAt = await this.#expiryOf("ttl", key, options);
    if (expiresAt < 0) {
      return undefined;
    }
    return expiresAt === 0 ? Number.POSITIVE_INFINITY : Math.max(0, expiresAt - this.#database.clock.now());
  }

  /** How many keys there are in a range; counted in the shards, no values travel. */
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
   * Entries in key order, over all shards, as of the moment of the call: no write called later is seen, however long
   * it is read. `scan(prefix, limit)` or `scan(options)`. Read it once, with `for await` or `toArray()`.
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

  /** The keys that `scan` would give; no values travel. */
  keys(prefix?: Key, limit?: number): Scan<string>;
  keys(options: ScanOptions & { keyEncoding: "binary" }): Scan<Uint8Array>;
  keys(options: ScanOptions): Scan<string>;
  keys(first?: Key | ScanOptions, limit?: number): Scan<string | Uint8Array> {
    return this.#scan("keys", first, limit, "keys", (keyOf) => keyOf);
  }

  /** The values that `scan` would give. */
  values(prefix?: Key, limit?: number): Scan<V>;
  values(options: ScanOptions): Scan<V>;
  values(first?: Key | ScanOptions, limit?: number): Scan<V> {
    const decode = this.#decode;
    return this.#scan("values", first, limit, "values", () => (page) => page.value(decode) as V);
  }

  /**
   * The entries that `scan` would give, as they are stored: for exact copies. `await other.bulkLoad(db.storedEntries())`
   * copies a database into one with any number of shards, with encodings and expiries, whatever classes it uses.
   */
  storedEntries(prefix?: Key, limit?: number): Scan<StoredEntry<string>>;
  storedEntries(options: ScanOptions & { keyEncoding: "binary" }): Scan<StoredEntry<Uint8Array>>;
  storedEntries(options: ScanOptions): Scan<StoredEntry<string>>;
  storedEntries(
    first?: Key | ScanOptions,
    limit?: number,
  ): Scan<StoredEntry<string> & StoredEntry<Uint8Array>> {
    return this.#scan("storedEntries", first, limit, "stored", (keyOf) => (scanned) => {
      // What the scan cache keeps are decoded values: these entries come past it.
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
   * The database as of the moment of the call, over all shards. Close it: what it sees cannot be compacted away.
   */
  async snapshot(): Promise<Snapshot<V>> {
    try {
      return this.snapshotSync();
    } catch (error) {
      return refusedRead(error);
    }
  }

  /** `snapshot` without a promise: nothing has to be awaited for it. Throws what that rejects with. */
  snapshotSync(): Snapshot<V> {
    const database = this.#checkOpen();
    const point = database.point();
    const { holds } = database;
    const holdId = holds.take(point);
    holds.defer(holdId);
    return new Snapshot<V>(this, point, () => holds.release(holdId));
  }

  // The rest

  /** Figures on the whole database and on each shard. */
  stats(): Promise<DatabaseStats> {
    return orRefusedRead(() => this.#track(gatherStats(this.#checkOpen())));
  }

  /** Writes all memtables out to tables. */
  flush(): Promise<void> {
    return this.#onAllShards("flush");
  }

  /** Compacts everything: reclaims the space of what was overwritten, deleted or has expired. */
  compact(): Promise<void> {
    return this.#onAllShards("compact");
  }

  /**
   * Makes instances of a class storable with the encoding "structured": what comes back is an instance. Classes are
   * known by name and have to be registered each time a database is opened.
   */
  registerClass<Instance extends object>(target: Class<Instance>, options?: ClassOptions<Instance>): void {
    this.#checkOpen();
    this.#codec.registerClass(target, options);
  }

  /**
   * Lets what was called before finish, syncs, and ends all processes. Open scans, and bulk loads whose source is not
   * yet at its end, end with `FASTKV_CLOSED`. A second call waits for the first.
   *
   * @throws FastKVError "in-doubt" where the disk refused, so that the last writes may be lost: `FASTKV_NO_SPACE`,
   * `FASTKV_READ_ONLY`, `FASTKV_IO`, `FASTKV_SHARD_UNAVAILABLE`. With another outcome nothing is lost, but a file could not be
   * closed or removed. The database is closed all the same.
   */
  async close(): Promise<void> {
    const database = this.#database;
    if (!database.isClosed) {
      const reason = new FastKVError("FASTKV_CLOSED", "The database was closed");
      this.#openScans.endAll(reason);
      for (const load of this.#loads) {
        load.stop(notApplied(reason));
      }
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

  // Inside

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

  /** Hands over the write that is in the encoder. */
  #write(database: Database, kind: number, key: Key, mode: DurabilityMode): Promise<void> {
    const entry = this.#encoder;
    const client = database.clients[entry.shard]!;
    client.checkAvailable();
    const sequence = database.nextSequence();
    const cache = database.caches.values;
    let refill: Refill | undefined;
    if (this.#wantsNames) {
      const name = cache.nameOf(key, entry.key, entry.keyBytes);
      const ticket = this.#noteWritten(entry.shard, name, kind === operationKind.put && mode !== "none");
      if (ticket !== undefined && entry.value.length <= cache.capacityBytes) {
        const { tag, value, expiresAt } = entry;
        const text = this.#codec.keep(tag, value, 0, value.length);
        refill = { ticket, text: { tag, text, bytes: value.length, expiresAt } };
      }
    }
    if (mode === "none" && !client.isCongested(entry.keyBytes + entry.value.length)) {
      client.write(kind, entry, sequence, false, undefined);
      return this.#database.turns.answer(undefined);
    }
    return new Promise((resolve, reject) => {
      const pending =
        refill === undefined
          ? { sequence, resolve, reject }
          : new CachedWrite(sequence, cache, refill, resolve, reject);
      client.write(kind, entry, sequence, mode === "sync", pending);
    });
  }

  #batch(operations: Iterable<BatchOperation<V>>, options: PutOptions): Promise<void> {
    return this.#writeOperations(this.#checkWritable(), operations, options, this.#mode(options));
  }

  #writeOperations(
    database: Database,
    operations: Iterable<BatchOperation<V>>,
    defaults: PutOptions,
    mode: DurabilityMode,
  ): Promise<void> {
    const { caches, shardCount } = database;
    const namer = this.#wantsNames ? caches.values : undefined;
    const { parts, names } = encodeBatch(operations, defaults, shardCount, this.#encoder, namer);
    if (parts.length === 0) {
      return Promise.resolve();
    }
    const written = database.batches.write(parts, mode === "sync", mode !== "none");
    names.forEach((ofShard, shard) => {
      for (const name of ofShard) {
        this.#noteWritten(shard, name, false);
      }
    });
    return mode === "none" ? written.then(() => this.#database.turns.answer(undefined)) : written;
  }

  /** Whether somebody is to be told of each key that is written. */
  get #wantsNames(): boolean {
    return this.#database.caches.wantKeys || this.#clears.size > 0;
  }

  /**
   * `name`: the read cache's name of a key, of which a write was just handed over or is about to be. `isPut`: see
   * `ReadCache.invalidate`.
   */
  #noteWritten(shard: number, name: string, isPut: boolean): FillTicket | undefined {
    for (const clear of this.#clears) {
      clear.spare(name);
    }
    const { caches, holds } = this.#database;
    return caches.noteWritten(shard, name, holds.size > 0, isPut);
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
      throw ofRead(error);
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

/** For calls that are not made so often that a closure counts. */
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
