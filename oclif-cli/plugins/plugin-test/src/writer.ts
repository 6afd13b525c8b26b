/**
 * The process that is killed: `node writer.js FOLDER puts|batches`. Prints the pids of its shards, then the number of
 * each acknowledged write.
 */

import { writeSync } from "node:fs";
import { FastKV } from "fastkv";

export const batchSize = 16;

const [folder, task] = process.argv.slice(2);
if (folder !== undefined && (task === "puts" || task === "batches")) {
  await writeForever(folder, task);
}

async function writeForever(path: string, kind: "puts" | "batches"): Promise<never> {
  const db = await FastKV.open(path);
  const { shards } = await db.stats();
  writeSync(1, `pids ${shards.map((shard) => shard.pid).join(" ")}\n`);
  for (let number = 1; ; number++) {
    if (kind === "puts") {
      await db.put(`put:${number}`, number);
    } else {
      await db.batchPut(
        Array.from({ length: batchSize }, (_, index): [string, number] => [`batch:${index}`, number]),
      );
    }
    writeSync(1, `${number}\n`);
  }
}
