import type { ShardSettings } from "../../shared/wire/messages.js";
import type { ResolvedOptions } from "../calls/options.js";

/** The options of a database that its shards get. */
export function shardSettings(options: ResolvedOptions): ShardSettings {
  return {
    maxMemtableBytes: options.maxMemtableSize,
    compression: options.compression,
    blockBytes: options.blockSize,
    bloomBitsPerKey: options.bloomBitsPerKey,
    cacheBytes: options.cacheSize,
    compactionParallelism: options.compactionParallelism,
    maxOpenTables: options.maxOpenTables,
    syncIntervalMs: options.syncInterval,
    targetTableBytes: options.targetTableSize,
    levelOneTargetBytes: options.levelOneSize,
    levelZeroCompactionTrigger: 4,
    levelZeroSlowdownTrigger: 12,
    levelZeroStopTrigger: 24,
  };
}
