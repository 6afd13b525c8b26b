import { hashBytes } from "../shared/hash.js";

/** Which shard keeps a key: its hash modulo the number of shards. FROZEN, with the hash, for every database. */
export class Topology {
  readonly shards: number;

  constructor(shards: number) {
    this.shards = shards;
  }

  /** The shard of the key in `bytes[0..keyBytes)`. */
  shardOf(bytes: Uint8Array, keyBytes: number): number {
    return this.shards === 1 ? 0 : hashBytes(bytes, 0, keyBytes) % this.shards;
  }
}
