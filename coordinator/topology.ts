import { shardOfKey } from "../shared/hash.js";

/** Maps keys to shards. */
export class Topology {
  readonly shards: number;

  constructor(shards: number) {
    this.shards = shards;
  }

  /** Returns the shard of the key in `bytes[0..keyBytes)`. */
  shardOf(bytes: Uint8Array, keyBytes: number): number {
    return shardOfKey(bytes, keyBytes, this.shards);
  }
}
