/** The statistics of one shard as a row of a table. */

import type { ShardStats } from "fastkv";
import type { Column } from "fastkv-cli/kit/table";

export const shardColumns: readonly Column[] = [
  { title: "shard", align: "right" },
  { title: "pid", align: "right" },
  { title: "keys", align: "right" },
  { title: "memtable", align: "right" },
  { title: "levels" },
  { title: "cache hits", align: "right" },
  { title: "restarts", align: "right" },
];

export function shardRow(shard: ShardStats): string[] {
  return [
    String(shard.shard),
    String(shard.pid),
    `${shard.total_keys === shard.total_keys_min ? "" : "~"}${shard.total_keys.toLocaleString("en")}`,
    formatBytes(shard.memtable_size),
    formatLevels(shard),
    shard.block_cache.hits + shard.block_cache.misses === 0
      ? "-"
      : `${(shard.block_cache.hit_rate * 100).toFixed(1)}%`,
    String(shard.restarts),
  ];
}

/** Files and bytes of each level that has files: `L0 2 (1.2 MiB), L1 5 (40.0 MiB)`. */
function formatLevels(shard: ShardStats): string {
  const levels = Object.entries(shard.sstable_stats)
    .filter(([, level]) => level.files > 0)
    .map(([name, level]) => `${name.replace("level_", "L")} ${level.files} (${formatBytes(level.bytes)})`);
  return levels.length === 0 ? "-" : levels.join(", ");
}

function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}
