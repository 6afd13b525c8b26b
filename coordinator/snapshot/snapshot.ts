import { FastKVError } from "../../shared/errors.js";
import type { ReadPoint } from "../../shared/read-point.js";
import type { ScanOptions, StoredEntry } from "../calls/call-options.js";
import type { Key } from "../calls/keys.js";
import { isPlainObject } from "../calls/options.js";
import type { RangeOptions } from "../calls/ranges.js";
import { scanOptions } from "../calls/scan-request.js";
import type { FastKV } from "../fastkv.js";
import type { Scan } from "../scan/scan.js";

/** The read point of a snapshot. Shards keep it while the snapshot is open or a read at this point is in progress. */
export class SnapshotPoint implements ReadPoint {
  readonly sequence: number;
  readonly timeMs: number;
  readonly #release: () => void;
  /** The number of users, including the snapshot itself. */
  #users = 1;

  constructor({ sequence, timeMs }: ReadPoint, release: () => void) {
    this.sequence = sequence;
    this.timeMs = timeMs;
    this.#release = release;
  }

  /** Keeps the point during a read, because a shard may have to be asked again. */
  keptDuring<T>(read: Promise<T>): Promise<T> {
    this.#users += 1;
    return read.finally(() => this.letGo());
  }

  letGo(): void {
    this.#users -= 1;
    if (this.#users === 0) {
      this.#release();
    }
  }
}

/** Releases snapshots that were garbage-collected without being closed. */
const forgotten = new FinalizationRegistry<SnapshotPoint>((point) => point.letGo());

/** A database as of one moment. Any number may be open. Closing one does not affect the others. */
export class Snapshot<V = unknown> implements AsyncDisposable {
  readonly #store: FastKV<V>;
  readonly #point: SnapshotPoint;
  #isClosed = false;

  /** @internal Use `FastKV.snapshot`. */
  constructor(store: FastKV<V>, point: ReadPoint, release: () => void) {
    this.#store = store;
    this.#point = new SnapshotPoint(point, release);
    forgotten.register(this, this.#point, this.#point);
  }

  /** @internal The point that a read at this snapshot uses. Throws if it is closed or belongs to another database. */
  static pointOf(snapshot: unknown, store: object): SnapshotPoint {
    if (!(snapshot instanceof Snapshot)) {
      throw new FastKVError("FASTKV_INVALID_OPTION", "Option snapshot must come from db.snapshot()");
    }
    if (snapshot.#store !== store) {
      throw new FastKVError("FASTKV_INVALID_OPTION", "The snapshot belongs to another database");
    }
    if (snapshot.#isClosed) {
      throw new FastKVError("FASTKV_CLOSED", "The snapshot is closed. Take another one with db.snapshot().");
    }
    return snapshot.#point;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get(key: Key): Promise<V | undefined> {
    return this.#store.get(key, { snapshot: this as Snapshot });
  }

  getMany(keys: readonly Key[]): Promise<(V | undefined)[]> {
    return this.#store.getMany(keys, { snapshot: this as Snapshot });
  }

  has(key: Key): Promise<boolean> {
    return this.#store.has(key, { snapshot: this as Snapshot });
  }

  hasMany(keys: readonly Key[]): Promise<boolean[]> {
    return this.#store.hasMany(keys, { snapshot: this as Snapshot });
  }

  /**
   * Like `FastKV.ttl`, for the key as of this snapshot; undefined if the snapshot does not have it. Counts from now.
   */
  ttl(key: Key): Promise<number | undefined> {
    return this.#store.ttl(key, { snapshot: this as Snapshot });
  }

  count(range: RangeOptions = {}): Promise<number> {
    // `FastKV.count` refuses what is not a plain object.
    return this.#store.count(isPlainObject(range) ? { ...range, snapshot: this as Snapshot } : range);
  }

  /** Like `FastKV.scan`, as of this snapshot. */
  scan(prefix?: Key, limit?: number): Scan<[string, V]>;
  scan(options: Omit<ScanOptions, "snapshot"> & { keyEncoding: "binary" }): Scan<[Uint8Array, V]>;
  scan(options: Omit<ScanOptions, "snapshot">): Scan<[string, V]>;
  scan(first?: Key | Omit<ScanOptions, "snapshot">, limit?: number): Scan<[string & Uint8Array, V]> {
    return this.#store.scan(this.#withSnapshot("scan", first, limit)) as Scan<[string & Uint8Array, V]>;
  }

  /** Like `FastKV.keys`, as of this snapshot. */
  keys(prefix?: Key, limit?: number): Scan<string>;
  keys(options: Omit<ScanOptions, "snapshot"> & { keyEncoding: "binary" }): Scan<Uint8Array>;
  keys(options: Omit<ScanOptions, "snapshot">): Scan<string>;
  keys(first?: Key | Omit<ScanOptions, "snapshot">, limit?: number): Scan<string & Uint8Array> {
    return this.#store.keys(this.#withSnapshot("keys", first, limit)) as Scan<string & Uint8Array>;
  }

  /** Like `FastKV.values`, as of this snapshot. */
  values(first?: Key | Omit<ScanOptions, "snapshot">, limit?: number): Scan<V> {
    return this.#store.values(this.#withSnapshot("values", first, limit));
  }

  /** Like `FastKV.storedEntries`, as of this snapshot: copies a database while it is being written. */
  storedEntries(prefix?: Key, limit?: number): Scan<StoredEntry<string>>;
  storedEntries(
    options: Omit<ScanOptions, "snapshot"> & { keyEncoding: "binary" },
  ): Scan<StoredEntry<Uint8Array>>;
  storedEntries(options: Omit<ScanOptions, "snapshot">): Scan<StoredEntry<string>>;
  storedEntries(
    first?: Key | Omit<ScanOptions, "snapshot">,
    limit?: number,
  ): Scan<StoredEntry<string> & StoredEntry<Uint8Array>> {
    return this.#store.storedEntries(this.#withSnapshot("storedEntries", first, limit)) as Scan<
      StoredEntry<string> & StoredEntry<Uint8Array>
    >;
  }

  /** Releases the snapshot. A second call does nothing. */
  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      forgotten.unregister(this.#point);
      this.#point.letGo();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #withSnapshot(
    call: string,
    first: Key | Omit<ScanOptions, "snapshot"> | undefined,
    limit: number | undefined,
  ): ScanOptions {
    return { ...scanOptions(call, first, limit), snapshot: this as Snapshot };
  }
}
