/** A database that nobody has open, locked for examination: the lock, its identity, its batch log, its folders. */

import path from "node:path";
import { FastKVError } from "../../shared/errors.js";
import { Findings } from "../../shared/maintenance/finding.js";
import type { LoggedInput, ShardTask } from "../../shared/maintenance/messages.js";
import { ZeroFillingFileSystem } from "../../shared/maintenance/zero-filling-file-system.js";
import type { FileSystem } from "../../shared/storage/file-system.js";
import { checkPath } from "../calls/options.js";
import { Clock } from "../clock.js";
import { prepareFolder } from "../ownership/database-folder.js";
import { identityFileName } from "../ownership/identity-file.js";
import { acquireOwnership } from "../ownership/owner-lock.js";
import type { Ownership } from "../ownership/ownership.js";
import { listShardFolders, shardFolderName } from "../ownership/shard-folders.js";
import { type ExaminedBatchLog, examineBatchLog } from "./batch-log-check.js";
import { type SurveyedIdentity, surveyIdentity } from "./identity-survey.js";
import type { MaintenanceEnvironment } from "./options.js";

export interface ClosedDatabase {
  fileSystem: FileSystem;
  folder: string;
  ownership: Ownership;
}

/** Takes the lock of a database, calls `work`, and releases the lock. */
export async function withClosedDatabase<T>(
  given: Pick<MaintenanceEnvironment, "fileSystem" | "checkFolder">,
  givenFolder: unknown,
  work: (database: ClosedDatabase) => Promise<T>,
): Promise<T> {
  const fileSystem = new ZeroFillingFileSystem(given.fileSystem);
  const folder = path.resolve(checkPath(givenFolder));
  try {
    prepareFolder(fileSystem, folder, { createIfMissing: false });
  } catch (error) {
    // A missing identity file means that the database was damaged.
    if (!(error instanceof FastKVError) || error.code !== "FASTKV_CORRUPTION") {
      throw error;
    }
  }
  given.checkFolder?.(folder);
  const clock = new Clock();
  const ownership = await acquireOwnership(fileSystem, folder, { clock: () => clock.now() });
  let result: T;
  try {
    result = await work({ fileSystem, folder, ownership });
  } catch (error) {
    ownership.releaseQuietly();
    throw error;
  }
  ownership.release();
  return result;
}

/** The contents of the coordinator's own files. */
export interface CommonFiles {
  findings: Findings;
  /** Undefined if no file says which database this is; nothing else can be examined then. */
  identity: SurveyedIdentity | undefined;
  log: ExaminedBatchLog | undefined;
  /** The shards whose folders exist. */
  present: number[];
}

export function examineCommonFiles({ fileSystem, folder }: ClosedDatabase): CommonFiles {
  const findings = new Findings(folder, "", undefined);
  const identity = surveyIdentity(fileSystem, folder, findings);
  if (identity === undefined) {
    return { findings, identity, log: undefined, present: [] };
  }
  const { shards, databaseId, initialized } = identity.identity;
  if (!initialized) {
    findings.note(identityFileName, "the database was never completed: the next start makes it anew");
    return { findings, identity, log: undefined, present: [] };
  }
  const found = listShardFolders(fileSystem, folder);
  for (let index = 0; index < shards; index++) {
    if (!found.includes(index)) {
      findings.damage(shardFolderName(index), "the folder of a shard is missing");
    }
  }
  for (const index of found.filter((one) => one >= shards)) {
    findings.damage(shardFolderName(index), `the database has ${shards} shards: this folder belongs to none`);
  }
  const log = examineBatchLog({ fileSystem, folder, databaseId, shards, findings });
  return { findings, identity, log, present: found.filter((one) => one < shards) };
}

/** Builds the task for the process of a shard. */
export function taskOf(
  { folder, ownership }: ClosedDatabase,
  { identity, log }: CommonFiles,
  shardIndex: number,
): ShardTask {
  const { databaseId, shards } = identity!.identity;
  return {
    action: "verify",
    folder: `${folder}/${shardFolderName(shardIndex)}`,
    databaseId,
    shardIndex,
    shards,
    epoch: ownership.epoch,
    logged: loggedInputOf(log, shardIndex),
  };
}

function loggedInputOf(log: ExaminedBatchLog | undefined, shard: number): LoggedInput {
  const batches = log?.batches ?? [];
  return {
    isWhole: log?.isWhole ?? true,
    cutSequence: log?.cutSequence ?? 0,
    sequences: batches.map((batch) => batch.sequence),
    parts: batches.flatMap(({ sequence, parts }) =>
      parts.filter((part) => part.shard === shard).map(({ section }) => ({ sequence, section })),
    ),
  };
}
