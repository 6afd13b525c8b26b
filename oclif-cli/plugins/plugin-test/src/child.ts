/** A separate process that writes until it is killed, for the tests that need a crash. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export type WriterTask = "puts" | "batches";

/** How many writes were acknowledged when the writer was killed. */
export interface WriterReport {
  acknowledged: number;
}

/**
 * Starts a writer on `folder`, and kills it and its shards with SIGKILL once it has reported `count` acknowledged
 * writes. Resolves when the process is gone.
 */
export async function writeUntilKilled(
  folder: string,
  task: WriterTask,
  count: number,
): Promise<WriterReport> {
  const writer = spawn(
    process.execPath,
    [fileURLToPath(new URL("./writer.js", import.meta.url)), folder, task],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const ended = once(writer, "close");
  let errors = "";
  writer.stderr.on("data", (text) => {
    errors += text;
  });
  let acknowledged = 0;
  let pids: number[] = [];
  for await (const line of createInterface({ input: writer.stdout })) {
    if (line.startsWith("pids ")) {
      pids = line.slice(5).split(" ").map(Number);
      continue;
    }
    acknowledged = Number(line);
    if (acknowledged >= count && pids.length > 0) {
      killAll(writer, pids);
      pids = [];
    }
  }
  const [code, signal] = (await ended) as [number | null, NodeJS.Signals | null];
  if (signal !== "SIGKILL") {
    throw new Error(`the writer ended by itself with ${signal ?? code}: ${errors}`);
  }
  return { acknowledged };
}

function killAll(writer: ChildProcess, shards: readonly number[]): void {
  writer.kill("SIGKILL");
  for (const pid of shards) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // The shard noticed that its parent is gone, and ended by itself.
    }
  }
}
