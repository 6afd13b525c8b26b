/**
 * The entry point of a maintenance process. The coordinator forks one for each shard of a closed database, sends it one
 * task over the fork channel, and gets a reply. The process ends with its task, or when the coordinator is gone.
 */

import { toErrorReport } from "../../shared/errors.js";
import type { MaintenanceReply, ShardTask } from "../../shared/maintenance/messages.js";
import { NodeFileSystem } from "../../shared/storage/node-file-system.js";
import { performTask } from "./perform-task.js";

const exitCode = { done: 0, refused: 77 } as const;

// A terminal's Ctrl-C reaches the whole process group; the coordinator decides what ends.
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
    await send(await performTask(new NodeFileSystem(), task, send));
  } catch (error) {
    await send({ type: "failed", error: toErrorReport(error) });
  }
  process.disconnect();
}
