/** FastKV's targets in comparison with its peers: 2 cores, 300,000 objects of 130 bytes, default durability. */

/** A multiple of what one peer, or the best of them, reaches. */
export interface Mark {
  factor: number;
  peer: string;
}

export interface Target {
  row: string;
  workload: string;
  atLeast: Mark[];
  aim: Mark[];
}

export const bestPeer = "the best";

const level = (factor: number): Mark => ({ factor, peer: "classic-level" });
const lmdb = (factor: number): Mark => ({ factor, peer: "lmdb" });
const redis = (factor: number): Mark => ({ factor, peer: "redis" });
const sqlite = (factor: number): Mark => ({ factor, peer: "better-sqlite3" });
const best = (factor: number): Mark => ({ factor, peer: bestPeer });

function target(row: string, workload: string, atLeast: Mark[], aim: Mark[]): Target {
  return { row, workload, atLeast, aim };
}

export const targets: readonly Target[] = [
  target("bulk load, sorted keys", "bulk-sorted", [level(1.2)], [level(2)]),
  target("bulk load, random keys", "bulk-random", [level(1.2)], [level(2)]),
  target("batches of 100", "batch-100", [level(1.5)], [level(2)]),
  target("put, 256 in flight", "put-256", [level(1.5), redis(1.5)], [level(2.5), redis(2.5)]),
  target("put fsynced, 256 in flight", "put-synced-256", [lmdb(1), level(5)], [lmdb(2)]),
  target("get uniform, 256, cache off", "get-256", [level(1.3)], [level(2)]),
  target("get zipfian, 1, cache on", "get-zipfian-1", [lmdb(1)], [lmdb(1.5)]),
  target("get zipfian, 256, cache on", "get-zipfian-256", [lmdb(1)], [lmdb(1.5)]),
  target("get missing, 256 in flight", "get-missing-256", [level(1.5)], [lmdb(1)]),
  target("getMany(100), caches on", "get-many-100-cached", [best(1)], [best(1.5)]),
  target("full scan", "scan-full", [lmdb(1)], [lmdb(1.3)]),
  target("prefix scan of 100, caches on", "scan-100-cached", [sqlite(1)], [lmdb(1)]),
  ...["a", "b", "c", "d", "f"].map((letter) =>
    target(`YCSB ${letter.toUpperCase()}, 64 in flight`, `ycsb-${letter}`, [best(1)], [best(1.5)]),
  ),
  target("YCSB E", "ycsb-e", [level(1)], [best(1)]),
  target("put, one by one", "put-1", [level(0.6)], [level(1)]),
  target("get, one by one, cache off", "get-1", [level(0.6)], [level(1)]),
];
