/**
 * The program that is struck: `node --import preload.js program.js <folder> <runtimeFolder> <notes> <seed>`. It opens
 * the database, says all that it finds there, and works until it is killed. What was called and what was
 * acknowledged goes to its standard output, a line each, at once.
 */

import { writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import { FastKV } from "../../../../coordinator/fastkv.js";
import { isUnavailable, performAndSay } from "./perform.js";
import { readAll } from "./reading.js";
import { noteNames } from "./strike.js";
import { StrikeWorkload, shards } from "./workload.js";

const [folder = "", runtimeFolder = "", notes = "", seed = ""] = process.argv.slice(2);
const lastRound = 24;

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

// It lives as long as the test that started it.
process.stdin.on("end", () => process.kill(process.pid, "SIGKILL")).resume();

async function open(): Promise<FastKV<string>> {
  try {
    return await FastKV.open<string>(folder, {
      runtimeFolder,
      shards,
      maxMemtableSize: 64 * 1024,
      syncInterval: 5,
      readCacheSize: 0,
      scanCacheSize: 0,
      execArgv: ["--import", new URL("./preload.js", import.meta.url).href],
    });
  } catch (error) {
    // A shard that dies while the database is opened makes the opening fail, and nothing else may.
    if (isUnavailable(error)) {
      say("unopened");
      process.exit(0);
    }
    throw error;
  }
}

const db = await open();
writeFileSync(path.join(notes, noteNames.state), JSON.stringify(await readAll(db)));
say("state");
writeFileSync(path.join(notes, noteNames.open), "");

const workload = new StrikeWorkload(Number(seed));
for (let number = 0; number <= lastRound; number++) {
  const calls = workload.round(number);
  say(`round ${number}`);
  await Promise.all(calls.map((call, at) => performAndSay(db, call, `${number}.${at}`, say)));
}
say("done");
