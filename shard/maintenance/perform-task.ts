import { basename } from "node:path";
import { Findings } from "../../shared/maintenance/finding.js";
import type { MaintenanceReply, ShardTask } from "../../shared/maintenance/messages.js";
import { ZeroFillingFileSystem } from "../../shared/maintenance/zero-filling-file-system.js";
import type { FileSystem } from "../../shared/storage/file-system.js";
import { examineShard } from "./examine-shard.js";
import { repairShard } from "./repair/repair-shard.js";
import type { ShardFiles } from "./shard-files.js";

/** Performs a task of the coordinator. `send` takes the progress messages; the final reply is returned. */
export async function performTask(
  fileSystem: FileSystem,
  task: ShardTask,
  send: (reply: MaintenanceReply) => Promise<void>,
): Promise<Exclude<MaintenanceReply, { type: "progress" | "failed" }>> {
  const { folder, databaseId, shardIndex, epoch, shards, logged, lostFolder } = task;
  const prefix = `${basename(folder)}/`;
  let unsent = 0;
  const files: ShardFiles = {
    fileSystem: new ZeroFillingFileSystem(fileSystem),
    folder,
    shard: { databaseId, shardIndex, epoch },
    shards,
    logged,
    findings: new Findings(folder, prefix, shardIndex),
    onRead: (bytes) => {
      unsent += bytes;
    },
  };
  const pause = async (): Promise<void> => {
    const bytes = unsent;
    unsent = 0;
    await send({ type: "progress", bytes });
  };
  return task.action === "verify"
    ? { type: "examined", examination: await examineShard(files, pause) }
    : { type: "repaired", repair: await repairShard(files, { lostFolder: lostFolder!, prefix }, pause) };
}
