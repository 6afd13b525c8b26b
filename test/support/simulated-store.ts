import type { MaintenanceEnvironment } from "../../coordinator/maintenance/options.js";
import { performTask } from "../../shard/maintenance/perform-task.js";
import type { FileSystem } from "../../shared/storage/file-system.js";

/** The whole sharded store on a simulated disk, with a clock that the test steps. */

import { type OpenOptions, resolveOptions } from "../../coordinator/calls/options.js";
import { FastKV } from "../../coordinator/fastkv.js";
import { listOwnerEpochs, ownerFileName, readOwnerFile } from "../../coordinator/ownership/owner-files.js";
import { encodeOwnerRecord } from "../../coordinator/ownership/owner-record.js";
import { InProcessLauncher } from "./in-process-launcher.js";
import type { Random } from "./random.js";
import type { CrashMode, SimulatedFileSystem } from "./simulated-file-system.js";

export const storeFolder = "/data/store";

export class SteppedClock {
  nowMs = 1_700_000_000_000;
}

export interface SimulatedStore {
  db: FastKV;
  launcher: InProcessLauncher;
}

/** Tables and levels so small that everything happens often. */
export const tinySettings = {
  targetTableBytes: 4 * 1024,
  levelOneTargetBytes: 16 * 1024,
  levelZeroCompactionTrigger: 2,
  levelZeroSlowdownTrigger: 6,
  levelZeroStopTrigger: 10,
  blockBytes: 512,
  cacheBytes: 32 * 1024,
};

export async function openSimulated(
  disk: SimulatedFileSystem,
  clock: SteppedClock,
  options: OpenOptions,
  launcher = new InProcessLauncher(disk, { settings: tinySettings }),
): Promise<SimulatedStore> {
  const resolved = resolveOptions({ handleSignals: false, syncInterval: 1, ...options });
  const db = await FastKV.openIn(storeFolder, resolved, {
    fileSystem: disk,
    startLauncher: async () => launcher,
    now: () => clock.nowMs,
  });
  return { db, launcher };
}

/**
 * What a restart finds. The owner file names this very process, which lives: it is marked as released, as the death
 * of the holder would make it.
 */
export function restart(disk: SimulatedFileSystem, random: Random, mode: CrashMode): SimulatedFileSystem {
  const next = disk.crash(random, mode);
  if (!next.exists(storeFolder)) {
    return next;
  }
  for (const epoch of listOwnerEpochs(next, storeFolder)) {
    const record = readOwnerFile(next, storeFolder, epoch);
    if (record !== undefined && record.holder !== null) {
      next.install(
        `${storeFolder}/${ownerFileName(epoch)}`,
        encodeOwnerRecord({ ...record, holder: null, shards: [] }),
      );
    }
  }
  return next;
}

/** For `verifyIn` and `repairIn`: on these files, in this process. */
export function maintenanceOn(fileSystem: FileSystem): MaintenanceEnvironment {
  return {
    fileSystem,
    perform: async (tasks) => {
      const replies = [];
      for (const task of tasks) {
        replies.push(await performTask(fileSystem, task, async () => undefined));
      }
      return replies;
    },
    onProgress: () => undefined,
  };
}
