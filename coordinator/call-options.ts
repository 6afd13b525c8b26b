/** The options of the public methods, what they take and give, and the events: the shapes of the public API. */

import type { FastKVError } from "../shared/errors.js";
import type { ValueEncoding } from "../shared/format/value-encoding.js";
import type { DurabilityMode } from "../shared/options.js";
import type { BulkLoadProgress } from "./bulk-load.js";
import type { Key } from "./keys.js";
import type { RangeOptions } from "./ranges.js";
import type { Snapshot } from "./snapshot.js";

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

/** An entry as it is stored: the bytes of its value as an encoding wrote them. For exact copies. */
export interface StoredEntry<K extends Key = Key> {
  key: K;
  stored: Uint8Array;
  encoding: ValueEncoding;
  /** Kept with the value; says more than the encoding where that has several forms (docs/file-formats.md). */
  tag: number;
  /** Milliseconds since the epoch; undefined: never. */
  expiresAt: number | undefined;
}

/** What a bulk load takes: pairs, objects that say more, or entries as another database stores them. */
export type BulkEntry<V = unknown> =
  | readonly [key: Key, value: V]
  | StoredEntry
  | {
      key: Key;
      value: V;
      encoding?: ValueEncoding | undefined;
      ttl?: number | undefined;
      /** Instead of `ttl`: the time in milliseconds since the epoch. */
      expiresAt?: number | undefined;
    };

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

/**
 * A field that is there but undefined, other than `reverse`, is refused: a variable that was never set must not clear more
 * than was meant.
 */
export interface ClearOptions extends RangeOptions {
  /** From the last key to the first; only with a limit. @default false */
  reverse?: boolean | undefined;
  /** At most so many keys, in the direction that `reverse` says. @default all */
  limit?: number | undefined;
  /** Only keys that this snapshot shows, whatever became of them since. @default now */
  snapshot?: Snapshot | undefined;
}

export interface BulkLoadOptions {
  /** For entries that do not say. @default the database's */
  encoding?: ValueEncoding | undefined;
  /**
   * Told now and then how far the load has come, and at its end. What it throws gives the load up; at the phase "done"
   * that is too late: the call rejects with it although the load is there. @default nobody is told
   */
  onProgress?: ((progress: BulkLoadProgress) => void) | undefined;
  /** Gives the load up: nothing of it is there afterwards. */
  signal?: AbortSignal | undefined;
}

/** Events of a database and what their listeners get. */
export interface FastKVEvents {
  /** A shard's process died and is started again; callers see a pause. */
  "shard-restart": [{ shard: number; reason: string }];
  /** A shard is given up: calls for its keys fail with `error`, `FASTKV_SHARD_UNAVAILABLE` or `FASTKV_CORRUPTION`. */
  "shard-failed": [{ shard: number; error: FastKVError }];
  /**
   * Writes are slowed or stopped until flushes ("memtables") or compaction ("level-zero") have caught up, or refused while
   * background work fails ("background-error"); or ("none") are not any more.
   */
  stall: [{ shard: number; kind: "none" | "slow" | "stop"; reason: string }];
  /**
   * The file system of the database has less than `lowSpaceThreshold` bytes free (`isLow`), or enough again. Looked up
   * every ten seconds.
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
   * A shard found a damaged file: where, and what is wrong. Told once for each place, whichever call met it.
   * `offset` is in bytes; undefined where the file is wrong as a whole, or missing.
   */
  corruption: [{ shard: number; path: string; offset: number | undefined; reason: string }];
  /** Work in the background failed, such as a flush or a compaction; it is tried again. */
  "background-error": [{ shard: number; code: string; message: string }];
  /** The batch log cannot be written any more: the database only reads. */
  "read-only": [{ error: FastKVError }];
}
