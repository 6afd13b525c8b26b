import { FastKVError } from "../shared/errors.js";
import type { ScanOptions, StoredEntry } from "./call-options.js";
import type { FastKV } from "./fastkv.js";
import type { Key } from "./keys.js";
import type { ScanPoint } from "./merged-scan.js";
import type { RangeOptions } from "./ranges.js";
import type { Scan } from "./scan.js";

/** The moment of a snapshot, which no shard may forget while the snapshot is open or a read at it is under way. */
export class SnapshotPoint implements ScanPoint {
  readonly sequence: number;
  readonly timeMs: number;
  readonly #release: () => void;
  /** The snapshot is one of them. */
  #users = 1;

  constructor({ sequence, timeMs }: ScanPoint, release: () => void) {
    this.sequence = sequence;
    this.timeMs = timeMs;
    this.#release = release;
  }

  /** For a read that a shard may have to be asked for again. */
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

/** Snapshots that were forgotten without being closed. */
const forgotten = new FinalizationRegistry<SnapshotPoint>((point) => point.letGo());

/** A database as it was at one moment. Any number may be open; closing one leaves the others alone. */
export class Snapshot<V = unknown> implements AsyncDisposable {
  readonly #store: FastKV<V>;
  readonly #point: SnapshotPoint;
  #isClosed = false;

  /** @internal Use `FastKV.snapshot`. */
  constructor(store: FastKV<V>, point: ScanPoint, release: () => void) {
    this.#store = store;
    this.#point = new SnapshotPoint(point, release);
    forgotten.register(this, this.#point, this.#point);
  }

  /** @internal What a read at this snapshot sees. Throws where it is closed or another database's. */
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

  /** Like `FastKV.ttl`, of a key that the snapshot has. */
  ttl(key: Key): Promise<number | undefined> {
    return this.#store.ttl(key, { snapshot: this as Snapshot });
  }

  count(range: RangeOptions = {}): Promise<number> {
    // What is no object is refused there.
    return this.#store.count(typeof range === "object" ? { ...range, snapshot: this as Snapshot } : range);
  }

  /** Like `FastKV.scan`, as of this snapshot. */
  scan(prefix?: Key, limit?: number): Scan<[string, V]>;
  scan(options: Omit<ScanOptions, "snapshot"> & { keyEncoding: "binary" }): Scan<[Uint8Array, V]>;
  scan(options: Omit<ScanOptions, "snapshot">): Scan<[string, V]>;
  scan(first?: Key | Omit<ScanOptions, "snapshot">, limit?: number): Scan<[string & Uint8Array, V]> {
    return this.#store.scan(this.#withSnapshot(first, limit)) as Scan<[string & Uint8Array, V]>;
  }

  /** Like `FastKV.keys`, as of this snapshot. */
  keys(prefix?: Key, limit?: number): Scan<string>;
  keys(options: Omit<ScanOptions, "snapshot"> & { keyEncoding: "binary" }): Scan<Uint8Array>;
  keys(options: Omit<ScanOptions, "snapshot">): Scan<string>;
  keys(first?: Key | Omit<ScanOptions, "snapshot">, limit?: number): Scan<string & Uint8Array> {
    return this.#store.keys(this.#withSnapshot(first, limit)) as Scan<string & Uint8Array>;
  }

  /** Like `FastKV.values`, as of this snapshot. */
  values(first?: Key | Omit<ScanOptions, "snapshot">, limit?: number): Scan<V> {
    return this.#store.values(this.#withSnapshot(first, limit));
  }

  /** Like `FastKV.storedEntries`, as of this snapshot: a copy of a database that goes on being written. */
  storedEntries(prefix?: Key, limit?: number): Scan<StoredEntry<string>>;
  storedEntries(
    options: Omit<ScanOptions, "snapshot"> & { keyEncoding: "binary" },
  ): Scan<StoredEntry<Uint8Array>>;
  storedEntries(options: Omit<ScanOptions, "snapshot">): Scan<StoredEntry<string>>;
  storedEntries(
    first?: Key | Omit<ScanOptions, "snapshot">,
    limit?: number,
  ): Scan<StoredEntry<string> & StoredEntry<Uint8Array>> {
    return this.#store.storedEntries(this.#withSnapshot(first, limit)) as Scan<
      StoredEntry<string> & StoredEntry<Uint8Array>
    >;
  }

  /** Gives it back; a second call does nothing. */
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
    first: Key | Omit<ScanOptions, "snapshot"> | undefined,
    limit: number | undefined,
  ): ScanOptions {
    const snapshot = this as Snapshot;
    return first === undefined || typeof first === "string" || first instanceof Uint8Array
      ? { prefix: first, limit, snapshot }
      : { ...first, snapshot };
  }
}
