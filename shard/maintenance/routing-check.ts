import { type ByteString, bytesOf } from "../../shared/bytes.js";
import { shardOfKey } from "../../shared/hash.js";
import { maxShards } from "../../shared/limits.js";
import type { ShardFiles } from "./shard-files.js";

/** Checks whether keys belong to the shard in which they are found. Reports the first wrong key in each file. */
export class RoutingCheck {
  /** Files with keys of other shards. */
  misrouted = 0;
  keys = 0;
  /** The larger shard counts with which every key seen so far would also belong to this shard. */
  fittingCounts: number[];
  readonly #files: ShardFiles;
  readonly #reported = new Set<string>();
  #last: ByteString | undefined;

  constructor(files: ShardFiles) {
    this.#files = files;
    const { shards } = files;
    this.fittingCounts = Array.from({ length: maxShards - shards }, (_, more) => shards + 1 + more);
  }

  check(key: ByteString, name: string, offset: number): void {
    // The versions of a key follow each other.
    if (key === this.#last) {
      return;
    }
    this.#last = key;
    this.keys += 1;
    const { shards, shard, findings } = this.#files;
    if (this.fittingCounts.length === 0 && (shards === 1 || this.#reported.has(name))) {
      return;
    }
    const bytes = bytesOf(key);
    const isHome = (count: number): boolean => shardOfKey(bytes, bytes.length, count) === shard.shardIndex;
    if (this.fittingCounts.length > 0) {
      this.fittingCounts = this.fittingCounts.filter(isHome);
    }
    if (!isHome(shards) && !this.#reported.has(name)) {
      this.#reported.add(name);
      this.misrouted += 1;
      const home = shardOfKey(bytes, bytes.length, shards);
      findings.damage(name, `a key of shard ${home} is in this one, where nobody looks for it`, {
        offset,
        keys: { from: key, to: key },
      });
    }
  }
}
