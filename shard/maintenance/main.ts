/**
 * The entry of a maintenance process: the coordinator forks one for each shard of a closed database, sends it one
 * task over the fork channel, and gets a reply. It ends with its task, or when the coordinator is gone.
 */

import { basename } from "node:path";
import { toErrorReport } from "../../shared/errors.js";
import { Findings } from "../../shared/maintenance/finding.js";
import type { MaintenanceReply, ShardTask } from "../../shared/maintenance/messages.js";
import { NodeFileSystem } from "../../shared/storage/node-file-system.js";
import { examineShard } from "./examine-shard.js";
import { repairShard } from "./repair/repair-shard.js";
import type { ShardFiles } from "./shard-files.js";

const exitCode = { done: 0, refused: 77 } as const;

// A terminal's Ctrl-C reaches the whole process group: the coordinator decides what ends.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => undefined);
}
process.on("disconnect", () => process.exit(exitCode.done));
process.once("message", (task: ShardTask) => void perform(task));

if (process.send === undefined) {
  process.stderr.write(
    "FastKV's maintenance is started by `fastkv verify` and `fastkv repair`, not by hand.\n",
  );
  process.exit(exitCode.refused);
}

function send(reply: MaintenanceReply): Promise<void> {
  return new Promise((resolve) => {
    process.send!(reply, () => resolve());
  });
}

async function perform(task: ShardTask): Promise<void> {
  try {
    await send(await work(task));
  } catch (error) {
    await send({ type: "failed", error: toErrorReport(error) });
  }
  process.disconnect();
}

async function work(task: ShardTask): Promise<MaintenanceReply> {
  const { folder, databaseId, shardIndex, epoch, shards, logged, lostFolder } = task;
  const prefix = `${basename(folder)}/`;
  let unsent = 0;
  const files: ShardFiles = {
    fileSystem: new NodeFileSystem(),
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
