import { EventEmitter } from "node:events";
import path from "node:path";
import { type Class, type ClassOptions, ValueCodec } from "../shared/codec/value-codec.js";
import { FastKVError } from "../shared/errors.js";
import {
  OperationSection,
  operationBytes,
  operationKind,
  rangeFlag,
  writeOperationHeader,
} from "../shared/format/operations.js";
import type { ValueEncoding } from "../shared/format/value-encoding.js";
import {
  maxBatchBytes,
  maxBatchOperations,
  maxKeyBytes,
  maxScanPageBytes,
  maxScanPageEntries,
} from "../shared/limits.js";
import type { DurabilityMode } from "../shared/options.js";
import { NodeFileSystem } from "../shared/storage/node-file-system.js";
import type { PageReply } from "../shared/wire/messages.js";
import type { BatchPart } from "./batch-log.js";
import { BulkLoad, type BulkLoadProgress, type BulkLoadResult, iteratorOf } from "./bulk-load.js";
import { Database, type DatabaseEnvironment, type DatabaseEvent } from "./database.js";
import { type Key, KeyScratch, keyToBytes, keyToString } from "./keys.js";
import { abortError, type EntryReader, Scan, type ScanPoint, ScanRun } from "./merged-scan.js";
import {
  checkNames,
  durabilityModes,
  encodings,
  type OpenOptions,
  oneOf,
  type ResolvedOptions,
  resolveOptions,
} from "./options.js";
import { type ByteRange, isEmptyRange, type RangeOptions, rangeNames, resolveRange } from "./ranges.js";
import { ExpiryRead, ManyRead, ValueRead } from "./reads.js";
import { defaultShardModule, ShardProcessLauncher } from "./shard-process.js";
import { closeOnSignals, forgetSignals } from "./signals.js";
import { Snapshot } from "./snapshot.js";
import { type DatabaseStats, gatherStats } from "./statistics.js";

export interface PutOptions {
  /** @default the database's */
  encoding?: ValueEncoding | undefined;
  /** Milliseconds until the value expires. @default never */
  ttl?: number | undefined;
  /** @default the database's */
  durability?: DurabilityMode | undefined;
}

export interface WriteOptions {
  /** @default the database's */
  durability?: DurabilityMode | undefined;
}

export interface ReadOptions {
  /** Reads as of this snapshot. */
  snapshot?: Snapshot | undefined;
}

/** One operation of a batch. */
export type BatchOperation<V = unknown> =
  | { type: "put"; key: Key; value: V; encoding?: ValueEncoding | undefined; ttl?: number | undefined }
  | { type: "del"; key: Key };

/** What a bulk load takes: pairs, or objects that say more. */
export type BulkEntry<V = unknown> =
  | readonly [key: Key, value: V]
  | { key: Key; value: V; encoding?: ValueEncoding | undefined; ttl?: number | undefined };

export interface ScanOptions extends RangeOptions {
  /** From the last key to the first. @default false */
  reverse?: boolean | undefined;
  /** At most so many entries, in the direction of the scan. @default all */
  limit?: number | undefined;
  /** Reads as of this snapshot. @default now */
  snapshot?: Snapshot | undefined;
  /** Keys as strings, or as bytes. @default "utf8" */
  keyEncoding?: "utf8" | "binary" | undefined;
  /** Ends the scan with `FASTKV_ABORTED`. */
  signal?: AbortSignal | undefined;
}

export interface BulkLoadOptions {
  /** For entries that do not say. @default the database's */
  encoding?: ValueEncoding | undefined;
  onProgress?: ((progress: BulkLoadProgress) => void) | undefined;
  /** Gives the load up: nothing of it is there afterwards. */
  signal?: AbortSignal | undefined;
}

/** Events of a database and what their listeners get. */
export interface FastKVEvents {
  /** A shard's process died and is started again; callers see a pause. */
  "shard-restart": [{ shard: number; reason: string }];
  /** A shard is given up: calls for its keys fail with `FASTKV_SHARD_UNAVAILABLE`. */
  "shard-failed": [{ shard: number; error: FastKVError }];
  /** Writes are slowed or stopped until compaction has caught up, or are not any more. */
  stall: [{ shard: number; kind: "none" | "slow" | "stop"; reason: string }];
  /** A flush or compaction failed and will be tried again. */
  "background-error": [{ shard: number; code: string; message: string }];
  /** The batch log cannot be written any more: the database only reads. */
  "read-only": [{ error: FastKVError }];
}

const checkDurability = oneOf(durabilityModes);
const checkEncoding = oneOf(encodings);
const noBytes = Buffer.alloc(0);
const kindMask = 0xff;
const maxTtlMs = 8.64e15;
const putNames = ["encoding", "ttl", "durability"];
const writeNames = ["durability"];
const scanNames = [...rangeNames, "reverse", "limit", "snapshot", "keyEncoding", "signal"];

function invalid(message: string): FastKVError {
  return new FastKVError("FASTKV_INVALID_OPTION", message, { writeOutcome: "not-applied" });
}

/**
 * An ordered, durable, sharded key-value store.
 *
 * Keys are strings or bytes, 0 to 65,535 bytes, ordered by their bytes. Effects follow the order of calls, awaited or
 * not. Every method rejects with `FastKVError`; see its `code`.
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
  readonly #scratch = new KeyScratch();
  readonly #openScans = new Set<WeakRef<ScanRun>>();
  readonly #loads = new Set<BulkLoad>();
  /** Calls that take more than one request to a shard: closing waits for them. */
  readonly #underWay = new Set<Promise<unknown>>();

  private constructor(database: Database, options: ResolvedOptions) {
    super();
    this.#database = database;
    this.#options = options;
    this.#codec = new ValueCodec();
    database.listener = (event) => this.#emitEvent(event);
  }

  /**
   * Opens the database in a folder, and creates it where there is none.
   *
   * @throws FastKVError `FASTKV_LOCKED` where it is open already, `FASTKV_SHARD_MISMATCH`, `FASTKV_NOT_FOUND`,
   * `FASTKV_NOT_A_DATABASE`, `FASTKV_CORRUPTION`, `FASTKV_UNSUPPORTED_FORMAT`, `FASTKV_INVALID_OPTION`, `FASTKV_IO`.
   */
  static async open<V = unknown>(folder: string, options: OpenOptions = {}): Promise<FastKV<V>> {
    if (typeof folder !== "string" || folder === "" || folder.includes("\0")) {
      throw invalid("The path of a database is a non-empty string without NUL");
    }
    const resolved = resolveOptions(options);
    const fileSystem = new NodeFileSystem();
    const { shardModule, execPath, execArgv, runtimeFolder } = resolved;
    const program = { module: shardModule ?? defaultShardModule, execPath, execArgv };
    return FastKV.openIn(path.resolve(folder), resolved, {
      fileSystem,
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
      // A value's own toJSON may call the store: only then is the scratch buffer filled.
      const encoded = this.#encode(value, options?.encoding);
      const { tag } = this.#codec;
      const expiresAt = options?.ttl === undefined ? 0 : this.#expiry(options.ttl);
      const length = this.#scratch.set(key);
      return this.#write(
        database,
        operationKind.put,
        tag,
        key,
        length,
        encoded,
        expiresAt,
        this.#mode(options),
      );
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Removes a key; a missing one is no error. */
  delete(key: Key, options?: WriteOptions): Promise<void> {
    try {
      const database = this.#checkWritable();
      if (options !== undefined) {
        checkNames("delete", options, writeNames);
      }
      const length = this.#scratch.set(key);
      return this.#write(database, operationKind.delete, 0, key, length, noBytes, 0, this.#mode(options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Removes the keys that a scan of the same range, called now, would show; without a range all keys. All of it
   * happens or none, over all shards.
   */
  async clear(range: RangeOptions = {}, options?: WriteOptions): Promise<void> {
    const database = this.#checkWritable();
    checkNames("clear", range, rangeNames);
    const bytes = resolveRange(this.#scratch, range);
    const mode = this.#mode(options);
    if (isEmptyRange(bytes)) {
      return;
    }
    database.cache.clear();
    const parts = database.clients.map(({ index }) => ({ shard: index, section: deleteRangeSection(bytes) }));
    await database.writeBatch(parts, mode === "sync", mode !== "none");
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
    try {
      checkNames("batchPut", options, putNames);
      const { encoding, ttl } = options;
      if (typeof entries !== "object" || entries === null) {
        throw invalid("batchPut takes pairs [key, value], a Map, or an object");
      }
      const pairs =
        Symbol.iterator in entries
          ? (entries as Iterable<readonly [Key, V]>)
          : Object.entries(entries as Record<string, V>);
      return this.#batch(batchOfPairs(pairs, encoding, ttl), this.#mode(options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Performs several puts and deletes, atomically over all shards. The last operation on a key wins. */
  batch(operations: Iterable<BatchOperation<V>>, options: PutOptions = {}): Promise<void> {
    try {
      checkNames("batch", options, putNames);
      if (typeof operations !== "object" || operations === null || !(Symbol.iterator in operations)) {
        throw invalid("batch takes an array or another iterable of operations");
      }
      return this.#batch(withDefaults(operations, options), this.#mode(options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Loads entries past the write-ahead log, straight into sorted tables: the fastest way to bring in much data. The
   * source may be larger than memory, unsorted and with duplicates (the last wins). Everything becomes visible at
   * once when the promise resolves, and is then on disk; a load that fails or is aborted leaves nothing.
   */
  async bulkLoad(
    source: Iterable<BulkEntry<V>> | AsyncIterable<BulkEntry<V>>,
    options: BulkLoadOptions = {},
  ): Promise<BulkLoadResult> {
    const database = this.#checkWritable();
    checkNames("bulkLoad", options, ["encoding", "onProgress", "signal"]);
    const { signal, onProgress, encoding } = options;
    checkSignal(signal);
    if (onProgress !== undefined && typeof onProgress !== "function") {
      throw invalid("Option onProgress must be a function");
    }
    if (encoding !== undefined) {
      checkEncoding("encoding", encoding);
    }
    if (signal?.aborted) {
      throw abortError(signal);
    }
    const iterator = iteratorOf(source);
    const load = new BulkLoad(
      {
        shardCount: database.shardCount,
        request: (shard, request, settings) => database.request(shard, request, settings),
        begin: (loadId) => database.beginLoad(loadId),
        end: (loadId) => database.endLoad(loadId),
        commit: (loadId) => database.commitLoad(loadId),
      },
      { onProgress },
    );
    const onAbort = (): void => load.stop(abortError(signal!));
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#loads.add(load);
    try {
      return await this.#track(load.run(() => this.#pull(load, iterator, encoding)));
    } catch (error) {
      leave(iterator);
      throw error;
    } finally {
      this.#loads.delete(load);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  // Reads

  /** The value of a key, or undefined. */
  get(key: Key, options?: ReadOptions): Promise<V | undefined> {
    try {
      const database = this.#checkOpen();
      const point = options === undefined ? undefined : this.#pointOf("get", options);
      const { cache } = database;
      const length = this.#scratch.set(key);
      let fill: ConstructorParameters<typeof ValueRead>[5];
      if (point === undefined && cache.isEnabled) {
        const name = cache.nameOf(key, this.#scratch.buffer, length);
        const cached = cache.get(name, database.clock.now());
        if (cached !== undefined) {
          const value = cached.isMissing
            ? undefined
            : (this.#codec.decode(cached.tag, cached.bytes, 0, cached.bytes.length) as V);
          return Promise.resolve(value);
        }
      }
      const client = database.clients[database.topology.shardOf(this.#scratch.buffer, length)]!;
      client.checkAvailable();
      if (point === undefined && cache.isEnabled) {
        const name = cache.nameOf(key, this.#scratch.buffer, length);
        fill = { cache, name, ticket: cache.ticket(name)! };
      }
      return new Promise((resolve, reject) => {
        const read = new ValueRead(
          kept(key),
          point,
          this.#decode,
          resolve as (value: unknown) => void,
          reject,
          fill,
        );
        client.read(read, this.#scratch.buffer, length);
      });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The values of several keys as of one moment, by position; undefined for a miss. */
  getMany(keys: readonly Key[], options: ReadOptions = {}): Promise<(V | undefined)[]> {
    try {
      const database = this.#checkOpen();
      const point = this.#pointOf("getMany", options);
      if (!Array.isArray(keys)) {
        throw invalid("getMany takes an array of keys");
      }
      const own = keys.map((key) => {
        const length = this.#scratch.set(key);
        database.clients[database.topology.shardOf(this.#scratch.buffer, length)]!.checkAvailable();
        return kept(key as Key);
      });
      return new Promise((resolve, reject) => {
        new ManyRead(
          own,
          point,
          this.#decode,
          (read) => {
            const length = this.#scratch.set(read.key);
            const shard = database.topology.shardOf(this.#scratch.buffer, length);
            database.clients[shard]!.read(read, this.#scratch.buffer, length);
          },
          resolve as (values: unknown[]) => void,
          reject,
        ).start();
      });
    } catch (error) {
      return Promise.reject(error);
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
  async count(range: RangeOptions & ReadOptions = {}): Promise<number> {
    const database = this.#checkOpen();
    checkNames("count", range, [...rangeNames, "snapshot"]);
    const point = this.#pointOf("count", { snapshot: range.snapshot }) ?? database.point();
    const bytes = resolveRange(this.#scratch, range);
    if (isEmptyRange(bytes)) {
      return 0;
    }
    checkAvailable(database);
    const holdId = database.takeHold(point);
    try {
      const counts = await this.#track(
        Promise.all(database.clients.map((client) => countIn(database, client.index, bytes, point, holdId))),
      );
      return counts.reduce((sum, count) => sum + count, 0);
    } finally {
      database.releaseHold(holdId);
    }
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
    return this.#scan("scan", first, limit, true, (keyOf) => (raw, keyStart, valueStart, valueEnd, tag) => [
      keyOf(raw, keyStart, valueStart),
      decode(tag, raw, valueStart, valueEnd) as V,
    ]);
  }

  /** The keys that `scan` would give; no values travel. */
  keys(prefix?: Key, limit?: number): Scan<string>;
  keys(options: ScanOptions & { keyEncoding: "binary" }): Scan<Uint8Array>;
  keys(options: ScanOptions): Scan<string>;
  keys(first?: Key | ScanOptions, limit?: number): Scan<string | Uint8Array> {
    return this.#scan("keys", first, limit, false, (keyOf) => (raw, keyStart, valueStart) => {
      return keyOf(raw, keyStart, valueStart);
    });
  }

  /** The values that `scan` would give. */
  values(prefix?: Key, limit?: number): Scan<V>;
  values(options: ScanOptions): Scan<V>;
  values(first?: Key | ScanOptions, limit?: number): Scan<V> {
    const decode = this.#decode;
    return this.#scan("values", first, limit, true, () => (raw, _keyStart, valueStart, valueEnd, tag) => {
      return decode(tag, raw, valueStart, valueEnd) as V;
    });
  }

  /**
   * The database as of the moment of the call, over all shards. Close it: what it sees cannot be compacted away.
   */
  async snapshot(): Promise<Snapshot<V>> {
    const database = this.#checkOpen();
    const point = database.point();
    return new Snapshot<V>(this, point, database.announceHold(point), (id) => database.releaseHold(id));
  }

  // The rest

  /** Figures on the whole database and on each shard. */
  async stats(): Promise<DatabaseStats> {
    return this.#track(gatherStats(this.#checkOpen()));
  }

  /** Writes all memtables out to tables. */
  async flush(): Promise<void> {
    await this.#track(this.#checkOpen().requestAll({ type: "flush" }));
  }

  /** Compacts everything: reclaims the space of what was overwritten, deleted or has expired. */
  async compact(): Promise<void> {
    await this.#track(this.#checkOpen().requestAll({ type: "compact" }));
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
   */
  async close(): Promise<void> {
    const database = this.#database;
    if (!database.isClosed) {
      const reason = new FastKVError("FASTKV_CLOSED", "The database was closed");
      for (const reference of this.#openScans) {
        reference.deref()?.end(reason);
      }
      this.#openScans.clear();
      for (const load of this.#loads) {
        load.stop(reason);
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
    this.#database.checkWritable();
    return this.#database;
  }

  readonly #decode = (tag: number, bytes: Buffer, start: number, end: number): unknown =>
    this.#codec.decode(tag, bytes, start, end);

  /** The result is valid until the next call. */
  #encode(value: unknown, encoding: ValueEncoding | undefined): Buffer {
    const encoded = this.#codec.encode(
      value,
      encoding === undefined ? this.#options.encoding : checkEncoding("encoding", encoding),
    );
    if (encoded.length > this.#options.maxValueSize) {
      throw new FastKVError(
        "FASTKV_INVALID_VALUE",
        `The value has ${encoded.length} bytes when encoded, more than maxValueSize (${this.#options.maxValueSize})`,
        { writeOutcome: "not-applied" },
      );
    }
    return encoded;
  }

  #mode(options: WriteOptions | undefined): DurabilityMode {
    return options?.durability === undefined
      ? this.#options.durability
      : checkDurability("durability", options.durability);
  }

  #expiry(ttl: unknown): number {
    if (typeof ttl !== "number" || !(ttl > 0) || ttl > maxTtlMs) {
      throw invalid(`Option ttl must be a number of milliseconds above 0, not ${String(ttl)}`);
    }
    return this.#database.clock.now() + ttl;
  }

  #pointOf(call: string, options: ReadOptions): ScanPoint | undefined {
    checkNames(call, options, ["snapshot"]);
    return options.snapshot === undefined ? undefined : Snapshot.pointOf(options.snapshot, this);
  }

  /** Hands a write over; the key is in the scratch buffer. */
  #write(
    database: Database,
    kind: number,
    tag: number,
    key: Key,
    length: number,
    value: Buffer,
    expiresAt: number,
    mode: DurabilityMode,
  ): Promise<void> {
    const { buffer } = this.#scratch;
    const client = database.clients[database.topology.shardOf(buffer, length)]!;
    client.checkAvailable();
    const sequence = database.nextSequence();
    if (database.cache.isEnabled) {
      database.cache.invalidate(database.cache.nameOf(key, buffer, length));
    }
    if (mode === "none" && !client.isCongested) {
      client.write(kind, tag, buffer, length, value, sequence, expiresAt, false, undefined);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const pending = { sequence, resolve, reject };
      client.write(kind, tag, buffer, length, value, sequence, expiresAt, mode === "sync", pending);
    });
  }

  /** Checks and encodes everything before anything is handed over. */
  #batch(operations: Iterable<BatchOperation<V>>, mode: DurabilityMode): Promise<void> {
    const database = this.#checkWritable();
    const sections: (OperationSection | undefined)[] = new Array(database.shardCount).fill(undefined);
    const names: string[] = [];
    let count = 0;
    let bytes = 0;
    for (const operation of operations) {
      count += 1;
      if (count > maxBatchOperations) {
        throw batchTooLarge(`more than ${maxBatchOperations} operations`);
      }
      bytes += this.#appendToBatch(database, operation, sections);
      if (bytes > maxBatchBytes) {
        throw batchTooLarge(`more than ${maxBatchBytes} bytes`);
      }
      if (database.cache.isEnabled) {
        names.push(this.#lastName);
      }
    }
    const parts: BatchPart[] = [];
    sections.forEach((section, shard) => {
      if (section !== undefined) {
        parts.push({ shard, section: section.bytes() });
      }
    });
    if (parts.length === 0) {
      return Promise.resolve();
    }
    const written = database.writeBatch(parts, mode === "sync", mode !== "none");
    for (const name of names) {
      database.cache.invalidate(name);
    }
    return written;
  }

  /** The cache's name of the key that was last appended to a batch. */
  #lastName = "";

  #appendToBatch(
    database: Database,
    operation: BatchOperation<V>,
    sections: (OperationSection | undefined)[],
  ): number {
    if (typeof operation !== "object" || operation === null) {
      throw invalid("An operation of a batch is an object { type, key, value }");
    }
    const { type } = operation;
    if (type !== "put" && type !== "del") {
      throw invalid(`The type of an operation is "put" or "del", not ${String(type)}`);
    }
    let value: Buffer = noBytes;
    let tag = 0;
    let expiresAt = 0;
    let kind: number = operationKind.delete;
    if (type === "put") {
      kind = operationKind.put;
      value = this.#encode(operation.value, operation.encoding);
      tag = this.#codec.tag;
      expiresAt = operation.ttl === undefined ? 0 : this.#expiry(operation.ttl);
    }
    const length = this.#scratch.set(operation.key);
    const { buffer } = this.#scratch;
    const shard = database.topology.shardOf(buffer, length);
    const section = (sections[shard] ??= new OperationSection(1024));
    const needed = operationBytes(length, value.length, expiresAt !== 0);
    section.reserve(needed);
    const at = writeOperationHeader(
      section.buffer,
      section.length,
      kind & kindMask,
      tag,
      length,
      value.length,
      0,
      expiresAt,
    );
    buffer.copy(section.buffer, at, 0, length);
    value.copy(section.buffer, at + length);
    section.length += needed;
    if (database.cache.isEnabled) {
      this.#lastName = database.cache.nameOf(operation.key, buffer, length);
    }
    return needed;
  }

  /** Feeds a bulk load until a chunk is full; true at the end of the source. */
  #pull(
    load: BulkLoad,
    iterator: Iterator<BulkEntry<V>> | AsyncIterator<BulkEntry<V>>,
    encoding: ValueEncoding | undefined,
  ): boolean | Promise<boolean> {
    for (;;) {
      const next = iterator.next();
      if ("then" in next) {
        return this.#pullAsync(load, iterator, next, encoding);
      }
      if (next.done === true) {
        return true;
      }
      if (this.#addToLoad(load, next.value, encoding)) {
        return false;
      }
    }
  }

  async #pullAsync(
    load: BulkLoad,
    iterator: Iterator<BulkEntry<V>> | AsyncIterator<BulkEntry<V>>,
    first: Promise<IteratorResult<BulkEntry<V>>>,
    encoding: ValueEncoding | undefined,
  ): Promise<boolean> {
    let next: IteratorResult<BulkEntry<V>> = await first;
    while (next.done !== true) {
      if (load.isStopped || this.#addToLoad(load, next.value, encoding)) {
        return false;
      }
      next = await iterator.next();
    }
    return true;
  }

  #addToLoad(load: BulkLoad, entry: BulkEntry<V>, encoding: ValueEncoding | undefined): boolean {
    if (typeof entry !== "object" || entry === null) {
      throw invalid("bulkLoad takes entries [key, value] or { key, value }");
    }
    const isPair = Array.isArray(entry);
    const { key, value } = isPair
      ? { key: entry[0] as Key, value: entry[1] as V }
      : (entry as { key: Key; value: V });
    const more = isPair ? {} : (entry as { encoding?: ValueEncoding; ttl?: number });
    const encoded = this.#encode(value, more.encoding ?? encoding);
    const expiresAt = more.ttl === undefined ? 0 : this.#expiry(more.ttl);
    const length = this.#scratch.set(key);
    const shard = this.#database.topology.shardOf(this.#scratch.buffer, length);
    return load.add(shard, this.#scratch.buffer, length, this.#codec.tag, encoded, expiresAt);
  }

  #expiryOf(call: string, key: Key, options: ReadOptions): Promise<number> {
    const database = this.#checkOpen();
    const point = this.#pointOf(call, options);
    const length = this.#scratch.set(key);
    const client = database.clients[database.topology.shardOf(this.#scratch.buffer, length)]!;
    client.checkAvailable();
    return new Promise((resolve, reject) => {
      client.read(new ExpiryRead(kept(key), point, resolve, reject), this.#scratch.buffer, length);
    });
  }

  #scan<T>(
    call: string,
    first: Key | ScanOptions | undefined,
    limit: number | undefined,
    withValues: boolean,
    makeReader: (
      keyOf: (raw: Buffer, start: number, end: number) => string | Uint8Array,
    ) => EntryReader<unknown>,
  ): Scan<T> {
    const database = this.#checkOpen();
    const options: ScanOptions =
      first === undefined || typeof first === "string" || first instanceof Uint8Array
        ? { prefix: first, limit }
        : first;
    checkNames(call, options, scanNames);
    const { reverse = false, keyEncoding = "utf8", signal } = options;
    if (typeof reverse !== "boolean") {
      throw invalid(`Option reverse must be true or false, not ${String(reverse)}`);
    }
    if (keyEncoding !== "utf8" && keyEncoding !== "binary") {
      throw invalid(`Option keyEncoding must be "utf8" or "binary", not ${String(keyEncoding)}`);
    }
    checkSignal(signal);
    checkAvailable(database);
    const run = new ScanRun(database, {
      range: resolveRange(this.#scratch, options),
      reverse,
      limit: checkLimit(options.limit),
      point: options.snapshot === undefined ? database.point() : Snapshot.pointOf(options.snapshot, this),
      withValues,
    });
    const reader = makeReader(keyEncoding === "utf8" ? keyToString : keyToBytes) as EntryReader<T>;
    return new Scan<T>(run, reader, signal, (tracked) => this.#noteScan(tracked));
  }

  #track<T>(call: Promise<T>): Promise<T> {
    const settled: Promise<unknown> = call
      .catch(() => undefined)
      .finally(() => this.#underWay.delete(settled));
    this.#underWay.add(settled);
    return call;
  }

  #noteScan(run: ScanRun): void {
    if (this.#openScans.size >= 64) {
      for (const reference of this.#openScans) {
        if (reference.deref()?.isOver ?? true) {
          this.#openScans.delete(reference);
        }
      }
    }
    this.#openScans.add(new WeakRef(run));
  }

  #emitEvent(event: DatabaseEvent): void {
    switch (event.type) {
      case "shard-restart":
      case "shard-failed":
      case "read-only":
      case "stall":
      case "background-error": {
        const { type, ...details } = event;
        // A listener that throws ends in the program's own hands, not in the middle of what is done here.
        process.nextTick(() => this.emit(type, details as never));
        break;
      }
      case "fatal":
        // The restart that follows says so, too.
        break;
    }
  }
}

/** The program's own bytes may change before a read is sent again. */
function kept(key: Key): Key {
  return typeof key === "string" ? key : new Uint8Array(key);
}

/** Asks a source to clean up. It may be in the middle of something: that is not waited for. */
function leave(iterator: Iterator<unknown> | AsyncIterator<unknown>): void {
  try {
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
  } catch {
    // What made the load end says more.
  }
}

function checkAvailable(database: Database): void {
  for (const client of database.clients) {
    client.checkAvailable();
  }
}

function checkSignal(signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalid("Option signal must be an AbortSignal");
  }
}

function checkLimit(limit: unknown): number {
  if (limit === undefined || limit === Number.POSITIVE_INFINITY) {
    return Number.POSITIVE_INFINITY;
  }
  if (typeof limit !== "number" || !Number.isInteger(limit) || limit < 0) {
    throw invalid(`Option limit must be a whole number from 0, not ${String(limit)}`);
  }
  return limit;
}

function batchTooLarge(what: string): FastKVError {
  return new FastKVError("FASTKV_BATCH_TOO_LARGE", `The batch has ${what}. Split it, or use bulkLoad.`, {
    writeOutcome: "not-applied",
  });
}

function* batchOfPairs<V>(
  pairs: Iterable<readonly [Key, V]>,
  encoding: ValueEncoding | undefined,
  ttl: number | undefined,
): Generator<BatchOperation<V>> {
  for (const pair of pairs) {
    if (!Array.isArray(pair)) {
      throw invalid("batchPut takes pairs [key, value], a Map, or an object");
    }
    yield { type: "put", key: pair[0] as Key, value: pair[1] as V, encoding, ttl };
  }
}

function* withDefaults<V>(
  operations: Iterable<BatchOperation<V>>,
  { encoding, ttl }: PutOptions,
): Generator<BatchOperation<V>> {
  for (const operation of operations) {
    yield operation?.type === "put"
      ? { ...operation, encoding: operation.encoding ?? encoding, ttl: operation.ttl ?? ttl }
      : operation;
  }
}

function deleteRangeSection({ lower, upper }: ByteRange): Buffer {
  // The bound behind the longest key does not fit: it is the longest key, left out.
  const isTooLong = lower.length > maxKeyBytes;
  const key = isTooLong ? lower.subarray(0, maxKeyBytes) : lower;
  const tag = (isTooLong ? rangeFlag.lowerExclusive : 0) | (upper === null ? rangeFlag.unbounded : 0);
  const section = new OperationSection(256);
  section.append(
    { kind: operationKind.deleteRange, tag, expiresAt: 0, logged: false, key, value: upper ?? noBytes },
    0,
  );
  return section.bytes();
}

async function countIn(
  database: Database,
  shard: number,
  range: ByteRange,
  point: ScanPoint,
  holdId: number,
): Promise<number> {
  let count = 0;
  let rest: PageReply["rest"] = range;
  while (rest !== null) {
    const { meta } = await database.page(shard, {
      type: "page",
      mode: "count",
      lower: rest.lower,
      upper: rest.upper,
      reverse: false,
      ...point,
      maxEntries: maxScanPageEntries,
      maxBytes: maxScanPageBytes,
      holdId,
    });
    count += meta.entries;
    rest = meta.rest;
  }
  return count;
}
