import { FastKVError } from "../../shared/errors.js";
import type { Finding } from "../../shared/maintenance/finding.js";
import type { ShardExamination, ShardRepair } from "../../shared/maintenance/messages.js";
import { identityFileName, writeIdentity } from "../ownership/identity-file.js";
import { ownerFileName } from "../ownership/owner-files.js";
import { listShardFolders, shardFolderName } from "../ownership/shard-folders.js";
import { replaceBatchLog } from "./batch-log-repair.js";
import {
  type ClosedDatabase,
  type CommonFiles,
  examineCommonFiles,
  taskOf,
  withClosedDatabase,
} from "./closed-database.js";
import { LostFolder } from "./lost-folder.js";
import { environmentOf, type MaintenanceEnvironment, type MaintenanceOptions } from "./options.js";
import { examineShards, reportOf, type VerifyReport } from "./verify.js";

/** By chance, a key fits twice the number of shards half of the time. */
const tellingKeys = 32;

/** The result of `repair`. */
export interface RepairReport {
  /** The absolute path of the database folder. */
  path: string;
  /** False if nothing was damaged; nothing was changed then. */
  wasDamaged: boolean;
  /** The damage, as `verify` reports it. */
  before: VerifyReport;
  /** What could not be saved: file, offset, keys. At most 200 for each shard, and for the database as a whole. */
  losses: Finding[];
  /** Number of losses, listed or not. */
  lostItems: number;
  /**
   * The absolute path of the folder with the replaced files; null if there are none. You may delete it when you no
   * longer need it.
   */
  lostFolder: string | null;
  /** The replaced files, relative both to the database's folder and to `lostFolder`. */
  setAside: string[];
  /** What `verify` reports after the repair. */
  after: VerifyReport;
}

/**
 * Makes a damaged database consistent again, from what can be read of it. Every file that it replaces is kept in a
 * folder `lost-<number>` in the database's folder; nothing is deleted. The rewritten files need disk space: at most as
 * much again as the damaged shards use.
 *
 * Lost data stays lost: instead of a lost newer value or a lost delete of a key, an older value may appear. Keep
 * backups, and prefer to restore one. A sound database is not changed.
 *
 * @throws FastKVError like `verify`, and `FASTKV_CORRUPTION` if no file says which database this is, or if whole shards
 * are missing and their number is unknown; `FASTKV_NO_SPACE`.
 */
export async function repair(folder: string, options: MaintenanceOptions = {}): Promise<RepairReport> {
  return repairIn(folder, environmentOf("repair", options));
}

/** @internal Repairs in a given environment instead of on real files. */
export function repairIn(folder: string, environment: MaintenanceEnvironment): Promise<RepairReport> {
  return withClosedDatabase(environment, folder, (database) => repairClosed(database, environment));
}

async function repairClosed(
  database: ClosedDatabase,
  environment: MaintenanceEnvironment,
): Promise<RepairReport> {
  const common = examineCommonFiles(database);
  const examined = await examineShards(database, common, environment);
  const before = reportOf(database, common, examined);
  const { folder, fileSystem, ownership } = database;
  if (before.isSound) {
    const nothing = { losses: [], lostItems: 0, lostFolder: null, setAside: [] };
    return { path: folder, wasDamaged: false, before, ...nothing, after: before };
  }
  const { identity, isSound } = checkIdentity(folder, common, examined);
  if (identity.epoch >= ownership.epoch) {
    ownership.raiseEpoch(identity.epoch + 1);
  }
  const lost = new LostFolder(
    fileSystem,
    folder,
    `lost-${ownerFileName(ownership.epoch).slice("OWNER-".length)}`,
  );
  lost.make();
  // At the end of a log, damage looks like what a crash leaves. But then the shards know of more batches.
  const isLogSound = common.log?.isWhole === true && examined.every((one) => one.logMismatches === 0);
  const repairs = await repairShards(database, common, { examined, isLogSound, lost, environment });
  const losses: Finding[] = repairs.flatMap((one) => one.losses);
  let lostItems = repairs.reduce((sum, one) => sum + one.lostItems, 0);
  if (!isLogSound) {
    const lastSequences = lastSequencesOf(examined, repairs, common);
    const highest = Math.max(0, ...examined.map((one) => one.highestSequence), ...lastSequences);
    const loss = await replaceBatchLog(database, common, { lastSequences, highest, lost });
    losses.push(loss);
    lostItems += 1;
  }
  for (const index of listShardFolders(fileSystem, folder).filter((one) => one >= identity.shards)) {
    lost.move(shardFolderName(index));
  }
  if (!isSound) {
    lost.keep(identityFileName);
    writeIdentity(fileSystem, folder, { ...identity, epoch: ownership.epoch });
  }
  const setAside = [...lost.names, ...repairs.flatMap((one) => one.setAside)];
  const lostFolder = lost.finish();
  const again = examineCommonFiles(database);
  const after = reportOf(database, again, await examineShards(database, again, environment));
  return { path: folder, wasDamaged: true, before, losses, lostItems, lostFolder, setAside, after };
}

function checkIdentity(
  folder: string,
  { identity }: CommonFiles,
  examined: readonly ShardExamination[],
): NonNullable<CommonFiles["identity"]> {
  if (identity === undefined) {
    throw new FastKVError(
      "FASTKV_CORRUPTION",
      `Nothing in ${folder} says which database it was. Restore it from a backup.`,
    );
  }
  if (!identity.isSound && areShardsMissing(examined)) {
    throw new FastKVError(
      "FASTKV_CORRUPTION",
      `The identity file of ${folder} is damaged, and its keys do not fit the ${identity.identity.shards} shard folders ` +
        "that are there: whole shards are missing. Bring back their folders, or restore the database from a backup.",
    );
  }
  return identity;
}

/**
 * Detects missing shards: there are keys of other shards, or so many keys would also belong here if there were more
 * shards that it cannot be chance.
 */
function areShardsMissing(examined: readonly ShardExamination[]): boolean {
  const keys = examined.reduce((sum, shard) => sum + shard.keys, 0);
  const [first, ...others] = examined;
  const fitting = first?.fittingCounts.filter((count) =>
    others.every((shard) => shard.fittingCounts.includes(count)),
  );
  return (
    examined.some((shard) => shard.misrouted > 0) ||
    (keys >= tellingKeys && fitting !== undefined && fitting.length > 0)
  );
}

/** Repairs the damaged shards, in order. A shard whose folder is missing becomes an empty one. */
async function repairShards(
  database: ClosedDatabase,
  common: CommonFiles,
  context: {
    examined: readonly ShardExamination[];
    isLogSound: boolean;
    lost: LostFolder;
    environment: MaintenanceEnvironment;
  },
): Promise<ShardRepair[]> {
  const { fileSystem, folder, ownership } = database;
  const { examined, isLogSound, lost, environment } = context;
  const damaged = new Set(common.present.filter((_, at) => examined[at]!.damages > 0));
  for (let index = 0; index < common.identity!.identity.shards; index++) {
    if (!common.present.includes(index)) {
      fileSystem.makeFolder(`${folder}/${shardFolderName(index)}`);
      damaged.add(index);
    }
  }
  fileSystem.syncFolder(folder);
  const tasks = [...damaged].map((index) => {
    const task = taskOf(database, common, index);
    return {
      ...task,
      action: "repair" as const,
      logged: { ...task.logged, isWhole: isLogSound },
      lostFolder: `${lost.path}/${shardFolderName(index)}`,
    };
  });
  const replies = await environment.perform(tasks, ownership, () => undefined);
  return replies.flatMap((reply) => (reply.type === "repaired" ? [reply.repair] : []));
}

/** Returns, by index, up to which sequence each shard will report to have every write. */
function lastSequencesOf(
  examined: readonly ShardExamination[],
  repairs: readonly ShardRepair[],
  { identity, present }: CommonFiles,
): number[] {
  const sequences = new Array<number>(identity!.identity.shards).fill(0);
  present.forEach((index, at) => {
    sequences[index] = examined[at]!.lastSequence;
  });
  for (const { shardIndex, lastSequence } of repairs) {
    sequences[shardIndex] = lastSequence;
  }
  return sequences;
}
