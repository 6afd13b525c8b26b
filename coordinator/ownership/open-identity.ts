import { randomBytes } from "node:crypto";
import { FastKVError } from "../../shared/errors.js";
import { hashName } from "../../shared/hash.js";
import type { FileSystem } from "../../shared/storage/file-system.js";
import { type Identity, readIdentity, writeIdentity } from "./identity-file.js";

const defaultShards = 2;

/**
 * Returns the identity of the database in `folder`. A new database gets its identity here.
 *
 * @throws FastKVError `FASTKV_SHARD_MISMATCH`, `FASTKV_NOT_A_DATABASE`, `FASTKV_UNSUPPORTED_FORMAT`,
 * `FASTKV_CORRUPTION`, `FASTKV_IO`, `FASTKV_NO_SPACE`
 */
export function openIdentity(
  fileSystem: FileSystem,
  folder: string,
  wanted: { shards: number | undefined; epoch: number; nowMs: number },
): Identity {
  const found = readIdentity(fileSystem, folder);
  if (found !== undefined) {
    if (wanted.shards !== undefined && wanted.shards !== found.shards) {
      throw new FastKVError(
        "FASTKV_SHARD_MISMATCH",
        `The database in ${folder} has ${found.shards} shards and cannot be opened with ${wanted.shards}. Leave the option shards out, or copy it into a new database: export and import it, or bulkLoad its storedEntries().`,
      );
    }
    return found;
  }
  const identity: Identity = {
    databaseId: new Uint8Array(randomBytes(16)),
    epoch: wanted.epoch,
    shards: wanted.shards ?? defaultShards,
    hash: hashName,
    initialized: false,
    createdAtMs: wanted.nowMs,
  };
  writeIdentity(fileSystem, folder, identity);
  return identity;
}
