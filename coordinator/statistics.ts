import { FastKVError, type FastKVErrorCode } from "../shared/errors.js";
import type { ShardStatistics } from "../shared/wire/messages.js";
import type { ReadCache } from "./cache/read-cache.js";
import type { ScanCache } from "./cache/scan-cache.js";
import type { Database } from "./database.js";

/** Statistics of the tables of one level. */
export interface LevelStats {
  files: number;
  bytes: number;
  entries: number;
}

/** Statistics of a shard, or of the whole database as the sum over its shards. */
export interface StoreStats {
  /** Upper bound of the number of keys; exact if equal to `total_keys_min`. `count()` counts the keys. */
  total_keys: number;
  /** Lower bound of the number of keys. */
  total_keys_min: number;
  /** Memory used by the active memtables. */
  memtable_size: number;
  memtable_keys: number;
  /** Sealed memtables that wait for a flush. */
  immutable_memtables: number;
  immutable_keys: number;
  total_sstables: number;
  /** By level: `level_0`, `level_1`, ... */
  sstable_stats: Record<string, LevelStats>;
  /** The last sequence number: for the database the last one assigned to a write, for a shard the last one applied. */
  seq_num: number;
  wal_bytes: number;
  /** Bytes that compaction must rewrite until no level is too large. */
  compaction_debt_bytes: number;
  /** Bytes written to tables per byte flushed or loaded. */
  write_amplification: number;
  block_cache: { hits: number; misses: number; hit_rate: number; bytes: number; capacity_bytes: number };
  bloom: { checks: number; negatives: number; false_positives: number; false_positive_rate: number };
  block_reads: number;
}

/** Statistics of a cache in the coordinator. */
export interface CacheStats {
  hits: number;
  misses: number;
  hit_rate: number;
  /** Memory used now, including overhead. */
  bytes: number;
  capacity_bytes: number;
}

/** Statistics of one shard. */
export interface ShardStats extends StoreStats {
  shard: number;
  pid: number;
  /** Number of restarts of its process since the database was opened. */
  restarts: number;
  synced_seq_num: number;
  snapshots: number;
  range_deletes: number;
  open_tables: number;
  flushes: number;
  compactions: number;
  stall: { kind: string; reason: string; slow_ms: number; stop_ms: number };
  event_loop_delay_ms: { p99: number; p999: number; max: number };
  rss_bytes: number;
  /** Number of damaged places found in its files since the database was opened. */
  corruptions: number;
  recovery: ShardStatistics["recovery"];
}

/** A shard that was given up. Its contents are unknown. */
export interface FailedShard {
  shard: number;
  code: FastKVErrorCode;
  message: string;
}

/** Statistics of the whole database. Sums cover the shards that serve: all of them if `failed_shards` is empty. */
export interface DatabaseStats extends StoreStats {
  path: string;
  shard_count: number;
  uptime_ms: number;
  /** Number of open snapshots and scans. */
  snapshots: number;
  /** The cache of values in the coordinator. */
  read_cache: CacheStats;
  /** The cache of scan pages. A scan looks up each shard once. */
  scan_cache: CacheStats;
  batch_log: { bytes: number; unsettled_batches: number };
  in_flight_bytes: number;
  restarts: number;
  corruptions: number;
  /** Free space of the database's file system; undefined if it is not watched or was not measured yet. */
  disk: { free_bytes: number; total_bytes: number; is_low: boolean } | undefined;
  /** The shards that serve. */
  shards: ShardStats[];
  failed_shards: FailedShard[];
}

function rate(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function storeStats(all: readonly ShardStatistics[]): StoreStats {
  const sum = (pick: (one: ShardStatistics) => number): number =>
    all.reduce((total, one) => total + pick(one), 0);
  const levels: Record<string, LevelStats> = {};
  for (const { levels: own } of all) {
    own.forEach((level, index) => {
      const name = `level_${index}`;
      const total = (levels[name] ??= { files: 0, bytes: 0, entries: 0 });
      total.files += level.files;
      total.bytes += level.bytes;
      total.entries += level.entries;
    });
  }
  const hits = sum((one) => one.blockCache.hits);
  const misses = sum((one) => one.blockCache.misses);
  const checks = sum((one) => one.bloom.checks);
  const negatives = sum((one) => one.bloom.negatives);
  const falsePositives = sum((one) => one.bloom.falsePositives);
  const written = sum((one) => one.writtenBytes);
  return {
    total_keys: sum((one) => one.keysHigh),
    total_keys_min: sum((one) => one.keysLow),
    memtable_size: sum((one) => one.memtableBytes),
    memtable_keys: sum((one) => one.memtableKeys),
    immutable_memtables: sum((one) => one.immutableMemtables),
    immutable_keys: sum((one) => one.immutableKeys),
    total_sstables: Object.values(levels).reduce((total, level) => total + level.files, 0),
    sstable_stats: levels,
    seq_num: Math.max(0, ...all.map((one) => one.writtenSequence)),
    wal_bytes: sum((one) => one.walBytes),
    compaction_debt_bytes: sum((one) => one.compaction.debtBytes),
    write_amplification: rate(written + sum((one) => one.compaction.bytesWritten), written),
    block_cache: {
      hits,
      misses,
      hit_rate: rate(hits, hits + misses),
      bytes: sum((one) => one.blockCache.bytes),
      capacity_bytes: sum((one) => one.blockCache.capacityBytes),
    },
    bloom: {
      checks,
      negatives,
      false_positives: falsePositives,
      // Share of lookups of keys missing in a table that the filter let through.
      false_positive_rate: rate(falsePositives, falsePositives + negatives),
    },
    block_reads: sum((one) => one.blockReads),
  };
}

function cacheStats({ hits, misses, bytes, capacityBytes }: ReadCache | ScanCache): CacheStats {
  return { hits, misses, hit_rate: rate(hits, hits + misses), bytes, capacity_bytes: capacityBytes };
}

function diskOf({ space }: Database): DatabaseStats["disk"] {
  const state = space?.state;
  return state && { free_bytes: state.freeBytes, total_bytes: state.totalBytes, is_low: state.isLow };
}

export async function gatherStats(database: Database): Promise<DatabaseStats> {
  const { shards: answers, uptimeMs } = await database.statistics();
  const { batches, caches, clients, lifecycles } = database;
  const serving: [number, ShardStatistics][] = [];
  const failed: FailedShard[] = [];
  for (const [shard, answer] of answers.entries()) {
    if (answer instanceof FastKVError) {
      failed.push({ shard, code: answer.code, message: answer.message });
    } else {
      serving.push([shard, answer]);
    }
  }
  return {
    path: database.folder,
    shard_count: clients.length,
    uptime_ms: uptimeMs,
    ...storeStats(serving.map(([, one]) => one)),
    seq_num: database.sequence,
    snapshots: database.holds.size,
    read_cache: cacheStats(caches.values),
    scan_cache: cacheStats(caches.scans),
    batch_log: { bytes: batches.logBytes, unsettled_batches: batches.unsettledBatches },
    in_flight_bytes: clients.reduce((sum, client) => sum + client.inFlightBytes, 0),
    restarts: lifecycles.reduce((sum, { restarts }) => sum + restarts, 0),
    corruptions: clients.reduce((sum, { index }) => sum + database.events.corruptionsOf(index), 0),
    disk: diskOf(database),
    shards: serving.map(([shard, one]) => ({
      shard,
      pid: one.pid,
      restarts: lifecycles[shard]!.restarts,
      ...storeStats([one]),
      synced_seq_num: one.syncedSequence,
      snapshots: one.holds,
      range_deletes: one.rangeDeletes,
      open_tables: one.openTables,
      flushes: one.flushes,
      compactions: one.compaction.compactions,
      stall: {
        kind: one.stall.kind,
        reason: one.stall.reason,
        slow_ms: one.stall.slowMs,
        stop_ms: one.stall.stopMs,
      },
      event_loop_delay_ms: one.eventLoopDelayMs,
      rss_bytes: one.residentBytes,
      corruptions: database.events.corruptionsOf(shard),
      recovery: one.recovery,
    })),
    failed_shards: failed,
  };
}
