/** The requests from the coordinator to a shard, and the replies: the meta data of message frames. */

import type { FastKVErrorCode } from "../errors.js";
import type { CompressionName } from "../options.js";

/** The first message of a shard on its connection. */
export interface Hello {
  token: string;
  shardIndex: number;
  pid: number;
}

/** The settings of a shard; `OpenOptions` in the public API describes them. */
export interface ShardSettings {
  maxMemtableBytes: number;
  compression: CompressionName;
  blockBytes: number;
  bloomBitsPerKey: number;
  /** Size of the block cache. */
  cacheBytes: number;
  compactionParallelism: number;
  maxOpenTables: number;
  syncIntervalMs: number;
  targetTableBytes: number;
  levelOneTargetBytes: number;
  levelZeroCompactionTrigger: number;
  levelZeroSlowdownTrigger: number;
  levelZeroStopTrigger: number;
}

export interface OpenRequest {
  type: "open";
  /** Proves that the socket is the coordinator's. */
  token: string;
  folder: string;
  databaseId: Uint8Array;
  shardIndex: number;
  epoch: number;
  create: boolean;
  logCutSequence: number;
  loggedSequences: number[];
  /** The batch log is on disk up to this sequence. */
  logSyncedSequence: number;
  settings: ShardSettings;
}

export interface OpenReply {
  /** The shard has every write up to this sequence, on disk. */
  lastSequence: number;
  timeMs: number;
  recovery: RecoverySummary;
}

export interface RecoverySummary {
  wasClean: boolean;
  replayedRecords: number;
  replayedBytes: number;
  tornBytes: number;
  unloggedRecords: number;
}

export interface HeldSnapshot {
  id: number;
  sequence: number;
  timeMs: number;
}

/** Whether the WAL has everything that the shard has accepted. */
export interface SettleReply {
  isSettled: boolean;
}

/** Every write up to this sequence is on disk. */
export interface CloseReply {
  syncedSequence: number;
}

export type ShardRequest =
  | OpenRequest
  | { type: "resume"; holds: HeldSnapshot[]; committedLoads: string[] }
  | ({ type: "hold" } & HeldSnapshot)
  | { type: "release"; ids: number[] }
  | { type: "load-begin"; loadId: string }
  | { type: "load-data"; loadId: string; entries: number }
  | { type: "load-finish"; loadId: string }
  | { type: "load-abandon"; loadId: string }
  | { type: "stats" }
  | { type: "settle" }
  /** `timeMs`: the coordinator's clock. What has expired by then need not be kept. */
  | { type: "flush"; timeMs: number }
  | { type: "compact"; timeMs: number }
  /** `atOnce`: leave memtables to the next start, since what they wait for will not come. */
  | { type: "close"; atOnce: boolean };

/** Events that a shard reports without a request. */
export type ShardEvent =
  | { type: "stall"; kind: "none" | "slow" | "stop"; reason: string }
  /** A file is damaged; `offset` is undefined if it is damaged as a whole. */
  | { type: "corruption"; path: string; offset: number | undefined; reason: string }
  /** A flush, compaction or part of a bulk load has finished; for the log. */
  | {
      type: "work";
      kind: "flush" | "compaction" | "bulk-load";
      durationMs: number;
      entriesRead: number;
      tables: number;
      writtenBytes: number;
    }
  | { type: "background-error"; code: FastKVErrorCode; message: string }
  | { type: "fatal"; code: FastKVErrorCode; message: string };

export interface LevelStatistics {
  files: number;
  bytes: number;
  entries: number;
}

/** The statistics that a shard reports. */
export interface ShardStatistics {
  pid: number;
  memtableBytes: number;
  memtableKeys: number;
  immutableMemtables: number;
  immutableKeys: number;
  levels: LevelStatistics[];
  /** Lower and upper bound of the number of keys. */
  keysLow: number;
  keysHigh: number;
  writtenSequence: number;
  syncedSequence: number;
  walBytes: number;
  holds: number;
  rangeDeletes: number;
  blockCache: { hits: number; misses: number; bytes: number; capacityBytes: number };
  bloom: { checks: number; negatives: number; falsePositives: number };
  blockReads: number;
  openTables: number;
  compaction: { debtBytes: number; compactions: number; bytesWritten: number };
  flushes: number;
  /** Bytes written by flushes and bulk loads. */
  writtenBytes: number;
  stall: { kind: string; reason: string; slowMs: number; stopMs: number };
  eventLoopDelayMs: { p99: number; p999: number; max: number };
  residentBytes: number;
  recovery: RecoverySummary;
}
