import type { FileHeader, FileIdentity } from "../../../shared/format/file-header.js";

/** Which shard of which database a folder belongs to, and the owner epoch of this opening. */
export interface ShardIdentity {
  databaseId: Uint8Array;
  shardIndex: number;
  epoch: number;
}

export function fileIdentity(
  shard: ShardIdentity,
  kind: FileIdentity["kind"],
  fileNumber: number,
): FileHeader {
  return { kind, databaseId: shard.databaseId, shardIndex: shard.shardIndex, epoch: shard.epoch, fileNumber };
}
