import type { Finding } from "../../shared/maintenance/finding.js";
import type { ShardExamination } from "../../shared/maintenance/messages.js";
import { shardFolderName } from "../ownership/shard-folders.js";
import {
  type ClosedDatabase,
  type CommonFiles,
  examineCommonFiles,
  taskOf,
  withClosedDatabase,
} from "./closed-database.js";
import { environmentOf, type MaintenanceEnvironment, type MaintenanceOptions } from "./options.js";

/** The result of `verify`. Sizes are in bytes. */
export interface VerifyReport {
  /** The absolute path of the database folder. */
  path: string;
  /** True if nothing is damaged. There may be notes. */
  isSound: boolean;
  /** True if the database was closed, and not ended by a crash. */
  wasClosed: boolean;
  shards: number;
  /** Bytes read. */
  bytes: number;
  tables: number;
  /** Versions of keys in tables. */
  entries: number;
  walRecords: number;
  batches: number;
  /** Number of damages found, listed or not. */
  damages: number;
  /** At most 200 for each shard, and for the database as a whole. */
  findings: Finding[];
  /** Number of findings that are not listed. */
  unlisted: number;
}

/**
 * Reads every file of a closed database and reports what is wrong: checksums, the order of keys, levels, the manifest
 * against the folder, bloom filters, the properties of tables, WAL, batch log, the batch log against the shards, and
 * whether each key is in its shard. Changes only the lock, so that nobody can open the database meanwhile.
 *
 * After a crash the files are examined as they are: what a crash leaves is reported as a note, not as damage.
 *
 * @throws FastKVError if the database cannot be examined: `FASTKV_LOCKED`, `FASTKV_NOT_FOUND`, `FASTKV_NOT_A_DATABASE`,
 * `FASTKV_UNSAFE_FOLDER`, `FASTKV_UNSUPPORTED_FORMAT`, `FASTKV_INVALID_OPTION`, `FASTKV_ABORTED`, `FASTKV_IO`;
 * `FASTKV_CORRUPTION` only for a damaged owner file, because it is then unknown whether the database is in use.
 */
export async function verify(folder: string, options: MaintenanceOptions = {}): Promise<VerifyReport> {
  return verifyIn(folder, environmentOf("verify", options));
}

/** @internal Verifies in a given environment instead of on real files. */
export function verifyIn(folder: string, environment: MaintenanceEnvironment): Promise<VerifyReport> {
  return withClosedDatabase(environment, folder, async (database) => {
    const common = examineCommonFiles(database);
    return reportOf(database, common, await examineShards(database, common, environment));
  });
}

/** Examines every shard whose folder exists. */
export async function examineShards(
  database: ClosedDatabase,
  common: CommonFiles,
  environment: MaintenanceEnvironment,
): Promise<ShardExamination[]> {
  const totalBytes = common.present.reduce((sum, index) => sum + bytesOfShard(database, index), 0);
  let doneBytes = 0;
  const tasks = common.present.map((index) => taskOf(database, common, index));
  const replies = await environment.perform(tasks, database.ownership, (bytes) => {
    doneBytes = Math.min(totalBytes, doneBytes + bytes);
    environment.onProgress({ doneBytes, totalBytes });
  });
  return replies.flatMap((reply) => (reply.type === "examined" ? [reply.examination] : []));
}

function bytesOfShard({ fileSystem, folder }: ClosedDatabase, index: number): number {
  const shardFolder = `${folder}/${shardFolderName(index)}`;
  return fileSystem.list(shardFolder).reduce((sum, name) => {
    try {
      const handle = fileSystem.open(`${shardFolder}/${name}`, "read");
      try {
        return sum + handle.sizeBytes();
      } finally {
        handle.close();
      }
    } catch {
      // The examination reports what is wrong with it.
      return sum;
    }
  }, 0);
}

export function reportOf(
  { folder }: ClosedDatabase,
  { findings, identity, log }: CommonFiles,
  shards: readonly ShardExamination[],
): VerifyReport {
  const total = (count: (shard: ShardExamination) => number): number =>
    shards.reduce((sum, shard) => sum + count(shard), 0);
  const damages = findings.damages + total((shard) => shard.damages);
  return {
    path: folder,
    isSound: damages === 0,
    wasClosed: shards.length > 0 && shards.every((shard) => shard.wasClean),
    shards: identity?.identity.shards ?? 0,
    bytes: total((shard) => shard.bytes) + (log?.bytes ?? 0),
    tables: total((shard) => shard.tables),
    entries: total((shard) => shard.entries),
    walRecords: total((shard) => shard.walRecords),
    batches: log?.batches.length ?? 0,
    damages,
    findings: [...findings.list, ...shards.flatMap((shard) => shard.findings)],
    unlisted: findings.unlisted + total((shard) => shard.unlisted),
  };
}
