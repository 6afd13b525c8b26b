import type { ShardStatistics } from "../shared/wire/messages.js";
import type { Engine } from "./engine/engine.js";
import { bytesOfTables } from "./engine/version/version.js";
import type { StallClock } from "./stall-clock.js";

export function gatherStatistics(
  engine: Engine,
  stalls: StallClock,
  delay: { p99: number; p999: number; max: number },
): ShardStatistics {
  const { tree, flusher, compactor, blockCache, loads } = engine;
  const { version } = tree;
  const { statistics } = compactor;
  const view = engine.view();
  stalls.tick();
  const tables = tree.tables.statistics;
  const cache = blockCache.statistics();
  return {
    pid: process.pid,
    memtableBytes: view.active.memoryBytes,
    memtableKeys: view.active.keys,
    immutableMemtables: view.sealed.length,
    immutableKeys: view.sealed.reduce((sum, memtable) => sum + memtable.keys, 0),
    levels: version.levels.map((level) => ({
      files: level.length,
      bytes: bytesOfTables(level),
      entries: level.reduce((sum, table) => sum + table.entries, 0),
    })),
    ...keyBounds(engine),
    writtenSequence: engine.appliedSequence,
    syncedSequence: engine.syncedSequence,
    walBytes: engine.walBytes,
    holds: engine.holds.size,
    rangeDeletes: tree.rangeDeletes.length,
    blockCache: {
      hits: cache.hits,
      misses: cache.misses,
      bytes: cache.bytes,
      capacityBytes: cache.capacityBytes,
    },
    bloom: {
      checks: tables.filterChecks,
      negatives: tables.filterNegatives,
      falsePositives: tables.filterFalsePositives,
    },
    blockReads: tables.blockReads,
    openTables: tree.tables.openTables,
    compaction: {
      debtBytes: compactor.debtBytes,
      compactions: statistics.compactions,
      bytesWritten: statistics.bytesWritten,
    },
    flushes: flusher.flushes,
    writtenBytes: flusher.flushedBytes + loads.loadedBytes,
    stall: { ...engine.stall, slowMs: stalls.slowMs, stopMs: stalls.stopMs },
    eventLoopDelayMs: delay,
    residentBytes: process.memoryUsage.rss(),
    recovery: engine.report,
  };
}

/**
 * The least and the greatest possible number of keys. Each source (a memtable, or a level) counts a key once. A key may
 * be in several sources, and any key may be deleted, hidden or expired in a newer one.
 */
function keyBounds(engine: Engine): { keysLow: number; keysHigh: number } {
  const { active, sealed, version, rangeDeletes } = engine.view();
  let keysHigh = 0;
  let largest = 0;
  let mayHide = 0;
  let mayExpire = 0;
  for (const memtable of [active, ...sealed]) {
    keysHigh += memtable.keys;
    mayHide += memtable.deletes;
    mayExpire += memtable.expiring;
    largest = Math.max(largest, memtable.keys);
  }
  version.levels.forEach((level, index) => {
    const sums = level.reduce(
      (sum, table) => ({
        keys: sum.keys + table.keys,
        deletes: sum.deletes + table.deletes,
        expiring: sum.expiring + (table.maxExpiresAt > 0 ? table.keys : 0),
      }),
      { keys: 0, deletes: 0, expiring: 0 },
    );
    keysHigh += sums.keys;
    mayHide += sums.deletes;
    mayExpire += sums.expiring;
    // Tables of level 0 may hold the same keys, so only the largest of them counts with certainty.
    const distinct = index === 0 ? Math.max(0, ...level.map((table) => table.keys)) : sums.keys;
    largest = Math.max(largest, distinct);
  });
  const keysLow = rangeDeletes.length > 0 ? 0 : Math.max(0, largest - mayHide - mayExpire);
  return { keysLow, keysHigh };
}
