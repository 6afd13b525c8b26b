import { type ByteString, bytesOf } from "../../shared/bytes.js";
import { shardOfKey } from "../../shared/hash.js";
import type { ShardFiles } from "./shard-files.js";

/** Whether keys belong to the shard in which they are found. Tells of the first in each file. */
export class RoutingCheck {
  readonly #files: ShardFiles;
  readonly #reported = new Set<string>();
  #last: ByteString | undefined;

  constructor(files: ShardFiles) {
    this.#files = files;
  }

  check(key: ByteString, name: string, offset: number): void {
    // The versions of a key follow each other.
    if (key === this.#last) {
      return;
    }
    this.#last = key;
    const { shards, shard, findings } = this.#files;
    if (shards === 1 || this.#reported.has(name)) {
      return;
    }
    const bytes = bytesOf(key);
    const home = shardOfKey(bytes, bytes.length, shards);
    if (home !== shard.shardIndex) {
      this.#reported.add(name);
      findings.damage(name, `a key of shard ${home} is in this one, where nobody looks for it`, {
        offset,
        keys: { from: key, to: key },
      });
    }
  }
}
