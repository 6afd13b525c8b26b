/** The shapes of the public API: options, arguments and results of its methods, and its events. */

import type { FastKVError } from "../../shared/errors.js";
import type { ValueEncoding } from "../../shared/format/value-encoding.js";
import type { DurabilityMode } from "../../shared/options.js";
import type { Snapshot } from "../snapshot/snapshot.js";
import type { BulkLoadProgress } from "../write/bulk-load.js";
import type { Key } from "./keys.js";
import type { RangeOptions } from "./ranges.js";

export interface PutOptions {
  /** How the value is encoded. @default the database's */
  encoding?: ValueEncoding | undefined;
  /** Milliseconds until the value expires. @default never */
  ttl?: number | undefined;
  /** When the write is acknowledged. @default the database's */
  durability?: DurabilityMode | undefined;
}

export interface WriteOptions {
  /** When the write is acknowledged. @default the database's */
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

/** An entry in its stored form: the value is the bytes that its encoding produced. For exact copies. */
export interface StoredEntry<K extends Key = Key> {
  key: K;
  stored: Uint8Array;
  encoding: ValueEncoding;
  /** Stored with the value. Tells apart the forms of an encoding that has several (docs/file-formats.md). */
  tag: number;
  /** Expiry time in milliseconds since the epoch; undefined if the entry never expires. */
  expiresAt: number | undefined;
}

/** An entry for a bulk load: a pair, an object with options, or a stored entry of another database. */
export type BulkEntry<V = unknown> =
  | readonly [key: Key, value: V]
  | StoredEntry
  | {
      key: Key;
      value: V;
      encoding?: ValueEncoding | undefined;
      ttl?: number | undefined;
      /** Expiry time in milliseconds since the epoch, instead of `ttl`. */
      expiresAt?: number | undefined;
    };

export interface ScanOptions extends RangeOptions {
  /** From the last key to the first. @default false */
  reverse?: boolean | undefined;
  /** Maximum number of entries, in the direction of the scan. @default all */
  limit?: number | undefined;
  /** Reads as of this snapshot. @default now */
  snapshot?: Snapshot | undefined;
  /** Whether keys are returned as strings or as bytes. @default "utf8" */
  keyEncoding?: "utf8" | "binary" | undefined;
  /** Ends the scan with `FASTKV_ABORTED` when aborted. */
  signal?: AbortSignal | undefined;
}

/**
 * Except for `reverse`, a field that is present but undefined is refused: a variable that was never set must not make
 * `clear` remove more than intended.
 */
export interface ClearOptions extends RangeOptions {
  /** From the last key to the first. Requires a limit. @default false */
  reverse?: boolean | undefined;
  /** Maximum number of keys, in the direction that `reverse` gives. @default all */
  limit?: number | undefined;
  /** Removes only keys that this snapshot contains, even if they have changed since. @default now */
  snapshot?: Snapshot | undefined;
}

export interface BulkLoadOptions {
  /** For entries that do not specify an encoding. @default the database's */
  encoding?: ValueEncoding | undefined;
  /**
   * Called from time to time with the progress of the load, and at its end. An error that it throws makes the load
   * fail. In the phase "done" it is too late for that: the call rejects with the error, but the entries are loaded.
   * @default no progress reports
   */
  onProgress?: ((progress: BulkLoadProgress) => void) | undefined;
  /** Ends the load when aborted; nothing of it remains. */
  signal?: AbortSignal | undefined;
}

/** Events of a database, and the arguments of their listeners. */
export interface FastKVEvents {
  /** A shard's process died and is being restarted. Callers see a pause. */
  "shard-restart": [{ shard: number; reason: string }];
  /** A shard was given up. Calls for its keys fail with `error`: `FASTKV_SHARD_UNAVAILABLE` or `FASTKV_CORRUPTION`. */
  "shard-failed": [{ shard: number; error: FastKVError }];
  /**
   * Writes are slowed or stopped until flushes ("memtables") or compaction ("level-zero") catch up, or are refused
   * while background work fails ("background-error"). The kind "none" ends such a state.
   */
  stall: [{ shard: number; kind: "none" | "slow" | "stop"; reason: string }];
  /**
   * The file system of the database has less than `lowSpaceThreshold` bytes free (`isLow`), or enough again. It is
   * checked every ten seconds.
   */
  "space-low": [
    {
      isLow: boolean;
      path: string;
      freeBytes: number;
      totalBytes: number;
      thresholdBytes: number;
      reason: string;
    },
  ];
  /**
   * A shard found damage in a file. Emitted once for each damaged place, no matter which calls meet it. `offset` is in
   * bytes; it is undefined if the file is missing or damaged as a whole.
   */
  corruption: [{ shard: number; path: string; offset: number | undefined; reason: string }];
  /** Background work, such as a flush or a compaction, failed. It is tried again. */
  "background-error": [{ shard: number; code: string; message: string }];
  /** The batch log can no longer be written: the database is read-only. */
  "read-only": [{ error: FastKVError }];
}
