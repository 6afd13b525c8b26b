/**
 * The program that is killed or loses its disk: `node program.js <folder> <runtimeFolder> <notes> <seed> <shards>
 * <syncIntervalMs>`. It opens the database, says all that it finds there, and works until it dies. What was called
 * and what was acknowledged goes to its standard output, a line each, at once. On its standard input it takes
 * `look` (say all that is there once nothing is under way), `go`
 * (what was found has been compared) and `close`.
 */

import childProcess, { type ChildProcess } from "node:child_process";
import { writeFileSync, writeSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import path from "node:path";
import { createInterface } from "node:readline";
import { FastKV } from "../../../coordinator/fastkv.js";
import { performAndSay } from "../../crash/processes/strikes/perform.js";
import { readAll } from "../../crash/processes/strikes/reading.js";
import { stateName, workloadOf } from "./plan.js";
import { Watcher } from "./watcher.js";

const [folder = "", runtimeFolder = "", notes = "", seed = "", shardCount = "", syncInterval = ""] =
  process.argv.slice(2);
const shards = Number(shardCount);

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

// The one that kills learns of each shard's process when it starts.
const { fork } = childProcess;
Object.assign(childProcess, {
  fork(...given: Parameters<typeof fork>): ChildProcess {
    const child = fork(...given);
    say(`shard ${child.pid}`);
    return child;
  },
});
syncBuiltinESMExports();

const orders: string[] = [];
let onOrder: (() => void) | undefined;
createInterface({ input: process.stdin })
  .on("line", (line) => {
    orders.push(line);
    onOrder?.();
  })
  // It lives as long as the suite that started it.
  .on("close", () => process.kill(process.pid, "SIGKILL"));

const db = await FastKV.open<string>(folder, {
  runtimeFolder,
  shards,
  maxMemtableSize: 64 * 1024,
  syncInterval: Number(syncInterval),
});
let looks = 0;

async function tell(): Promise<void> {
  writeFileSync(path.join(notes, stateName(looks)), JSON.stringify(await readAll(db)));
  say(`state ${looks}`);
  looks += 1;
  // Nothing is written before it was compared.
  while (orders[0] !== "go") {
    await new Promise<void>((resolve) => {
      onOrder = resolve;
    });
  }
  orders.shift();
}

await tell();
const workload = workloadOf(Number(seed), shards);
const watcher = new Watcher(db, shards);
await watcher.hold();
for (let number = 0; ; number++) {
  const calls = workload.round(number);
  say(`round ${number}`);
  const reads = watcher.read();
  await Promise.all([...calls.map((call, at) => performAndSay(db, call, `${number}.${at}`, say)), reads]);
  const order = orders.shift();
  if (order === "close") {
    await watcher.release();
    await db.close();
    say("closed");
    process.exit(0);
  }
  if (order === "look") {
    // What expires before a look has done so.
    await new Promise((resolve) => setTimeout(resolve, 3));
    await watcher.compareReads();
    await tell();
    await watcher.compare();
    await watcher.hold();
    say("agreed");
  }
}
