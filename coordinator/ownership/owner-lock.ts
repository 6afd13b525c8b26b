/**
 * Ensures a single opener with the epoch-numbered owner files `OWNER-0000000001`, `OWNER-0000000002`, ... of a database
 * folder (owner-record.ts describes their format). The highest file says who holds the database; its number is the
 * owner's epoch.
 *
 * - A claim of epoch n + 1 is written and synced under a temporary name, then linked to its name by link(2), which
 *   fails if the name exists. So one of many claimants wins, and nobody ever sees an incomplete file.
 * - A claim is made only when the holder of epoch n has released it or its process or thread is dead. A live holder is
 *   never superseded, so an owner that was paused still owns the folder when it wakes.
 * - The highest file is never unlinked, so the numbers only grow. A claimant that was paused between looking and
 *   linking may find its number free again, long after it was superseded. So a winner looks again, and withdraws if a
 *   higher file exists.
 * - The winner kills and awaits the shards of all earlier epochs before it unlinks their files. If it dies before it is
 *   done, the next winner finds the rest.
 *
 * This works between processes of one machine that can see each other's pids. It does not cover other containers, or
 * other machines on a network file system.
 */

import { FastKVError } from "../../shared/errors.js";
import type { FileSystem } from "../../shared/storage/file-system.js";
import {
  linkOwnerFile,
  listOwnerEpochs,
  ownerFileName,
  readOwnerFile,
  sweepTemporaries,
} from "./owner-files.js";
import { maxEpoch, type OwnerRecord, ownerCorruption } from "./owner-record.js";
import { Ownership, type OwnershipOptions } from "./ownership.js";
import { killAndAwait } from "./process-identity.js";
import { isRuntimeFolder, removeRuntimeFolder } from "./runtime-folder.js";
import { currentHolder, isHolderAlive } from "./thread-identity.js";

/** Each attempt after the first means that another process made progress meanwhile. */
const maxAttempts = 32;
const shardKillTimeoutMs = 5000;

interface Claim {
  ownership: Ownership;
  /** The records of earlier epochs, ascending. */
  predecessors: readonly OwnerRecord[];
}

/**
 * Takes ownership of the folder, which must exist. At most one `Ownership` of a folder exists at a time on this
 * machine. When this resolves, no shard of an earlier owner is running.
 *
 * @throws FastKVError `FASTKV_LOCKED` with the holder's pid, also if that is this process; `FASTKV_CORRUPTION` if an
 * owner file is damaged; `FASTKV_UNSUPPORTED_FORMAT`, `FASTKV_IO`, `FASTKV_NO_SPACE`.
 */
export async function acquireOwnership(
  fileSystem: FileSystem,
  folder: string,
  options: OwnershipOptions,
): Promise<Ownership> {
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const claim = tryClaim(fileSystem, folder, options);
    if (claim !== undefined) {
      await releaseOnFailure(claim.ownership, () => clearPredecessors(fileSystem, folder, claim, options));
      return claim.ownership;
    }
  }
  throw new FastKVError(
    "FASTKV_LOCKED",
    `Other processes keep opening the database ${folder}. Open it again later.`,
  );
}

/** Makes one attempt. Returns undefined if another process made progress between looking and claiming. */
function tryClaim(fileSystem: FileSystem, folder: string, options: OwnershipOptions): Claim | undefined {
  const predecessors: OwnerRecord[] = [];
  for (const epoch of listOwnerEpochs(fileSystem, folder)) {
    const record = readOwnerFile(fileSystem, folder, epoch);
    if (record === undefined) {
      return undefined;
    }
    predecessors.push(record);
  }
  const last = predecessors.at(-1);
  refuseLiveHolder(last, folder);
  const epoch = (last?.epoch ?? 0) + 1;
  if (epoch > maxEpoch) {
    throw ownerCorruption(`${folder}/${ownerFileName(epoch - 1)}`, "its epoch is the last one possible");
  }
  const previousTimeMs = Math.max(0, ...predecessors.map((record) => record.timeMs));
  const timeMs = Math.max(options.clock(), previousTimeMs);
  const claimed = { epoch, holder: currentHolder(), runtimeFolder: null, shards: [], timeMs };
  if (!linkOwnerFile(fileSystem, folder, claimed)) {
    return undefined;
  }
  const ownership = new Ownership(fileSystem, folder, options.clock, claimed, previousTimeMs);
  return settleClaim(fileSystem, folder, ownership) ? { ownership, predecessors } : undefined;
}

function refuseLiveHolder(last: OwnerRecord | undefined, folder: string): void {
  const holder = last?.holder;
  if (holder === undefined || holder === null || !isHolderAlive(holder)) {
    return;
  }
  throw new FastKVError(
    "FASTKV_LOCKED",
    holder.pid === process.pid
      ? `The database ${folder} is already open in this process (pid ${holder.pid}), or still being closed. Await its close() first, or share the open one.`
      : `The database ${folder} is open in process ${holder.pid}. Close it there or end that process, then open it again.`,
  );
}

/** Makes a claim durable, or withdraws it if its number was used before. */
function settleClaim(fileSystem: FileSystem, folder: string, ownership: Ownership): boolean {
  try {
    if (listOwnerEpochs(fileSystem, folder).at(-1) === ownership.epoch) {
      fileSystem.syncFolder(folder);
      return true;
    }
  } catch (error) {
    ownership.releaseQuietly();
    throw error;
  }
  fileSystem.remove(`${folder}/${ownerFileName(ownership.epoch)}`);
  return false;
}

async function clearPredecessors(
  fileSystem: FileSystem,
  folder: string,
  { predecessors }: Claim,
  { runtimeParent }: OwnershipOptions,
): Promise<void> {
  const shards = predecessors.flatMap((record) => record.shards);
  await Promise.all(shards.map((shard) => killAndAwait(shard, shardKillTimeoutMs)));
  for (const { epoch, runtimeFolder } of predecessors) {
    if (runtimeFolder !== null && isRuntimeFolder(runtimeFolder, runtimeParent)) {
      removeRuntimeFolder(fileSystem, runtimeFolder);
    }
    fileSystem.remove(`${folder}/${ownerFileName(epoch)}`);
  }
  sweepTemporaries(fileSystem, folder);
}

/** Keeps the earlier owner files, so that the next owner tries again. */
async function releaseOnFailure(ownership: Ownership, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    ownership.releaseQuietly();
    throw error;
  }
}
