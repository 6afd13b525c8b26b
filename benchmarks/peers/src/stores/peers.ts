/** All stores that can be compared, by name. */

import { betterSqlite3 } from "./better-sqlite3.js";
import { classicLevel } from "./classic-level.js";
import { fastkv } from "./fastkv.js";
import { lmdb } from "./lmdb.js";
import { redis } from "./redis.js";
import type { Peer } from "./store.js";

export const defaultPeers = ["fastkv", "classic-level", "lmdb", "better-sqlite3", "redis"];

const gib = 1024 ** 3;

const peers: Record<string, () => Peer> = {
  fastkv: () => fastkv("fastkv", { shards: 2 }),
  "fastkv-snappy": () => fastkv("fastkv-snappy", { shards: 2, compression: "snappy" }),
  "fastkv-large-caches": () => ({
    ...fastkv("fastkv-large-caches", { shards: 2, readCacheSize: 6 * gib, scanCacheSize: 6 * gib }),
    heapMiB: 14 * 1024,
    holdsAll: true,
  }),
  "classic-level": () => classicLevel("classic-level", true),
  "classic-level-plain": () => classicLevel("classic-level-plain", false),
  lmdb: () => lmdb("lmdb", { encoding: "json", noSync: false }),
  "lmdb-msgpack": () => lmdb("lmdb-msgpack", { encoding: "msgpack", noSync: false }),
  "lmdb-nosync": () => lmdb("lmdb-nosync", { encoding: "json", noSync: true }),
  "better-sqlite3": () => betterSqlite3("better-sqlite3"),
  redis: () => redis("redis"),
};

/** `fastkv-<n>` is FastKV with n shards. */
export function peerOf(name: string): Peer {
  const shards = /^fastkv-(\d+)$/.exec(name)?.[1];
  if (shards !== undefined) {
    return fastkv(name, { shards: Number(shards) });
  }
  const make = peers[name];
  if (make === undefined) {
    throw new Error(
      `There is no peer "${name}"; there are ${Object.keys(peers).join(", ")}, fastkv-<shards>`,
    );
  }
  return make();
}
