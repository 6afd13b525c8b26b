import { shardOfKey } from "../shared/hash.js";

/** Which shard keeps a key. */
export class Topology {
  readonly shards: number;

  constructor(shards: number) {
    this.shards = shards;
  }

  /** The shard of the key in `bytes[0..keyBytes)`. */
  shardOf(bytes: Uint8Array, keyBytes: number): number {
    return shardOfKey(bytes, keyBytes, this.shards);
  }
}
