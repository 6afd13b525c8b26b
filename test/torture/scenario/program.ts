/**
 * One life of a program: opens a database, works in rounds, reads all that is there, and closes. What it calls follows
 * from its order alone; each outcome goes to standard output at once, a line each.
 */

import childProcess, { type ChildProcess, type ForkOptions } from "node:child_process";
import { writeFileSync, writeSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import type { FastKV } from "../../../coordinator/fastkv.js";
import { perform } from "../../crash/processes/strikes/perform.js";
import { readAll } from "../../crash/processes/strikes/reading.js";
import type { Call } from "../../crash/processes/strikes/workload.js";
import type { Store } from "../group.js";
import { type LifeOrder, lifeOptions, lifeVariable, roundsOf } from "./plan.js";

const order = JSON.parse(process.env[lifeVariable]!) as LifeOrder;
const { folder, runtimeFolder } = order;

function say(...words: string[]): void {
  writeSync(1, `${words.join(" ")}\n`);
}

// It lives as long as the test that started it.
process.stdin.on("end", () => process.kill(process.pid, "SIGKILL")).resume();

let starts = 0;
const { fork } = childProcess;
Object.assign(childProcess, {
  fork(module: URL, parameters: string[], options: ForkOptions): ChildProcess {
    const starter = order.starters[starts];
    starts += 1;
    return fork(module, parameters, starter === undefined ? options : { ...options, execPath: starter });
  },
});
syncBuiltinESMExports();

const store = (await import(order.storeUrl)) as Store;

/** An error of another kind ends the program, which is a finding. */
function sayRefused(word: string, name: string, error: unknown): void {
  if (!(error instanceof store.FastKVError)) {
    throw error;
  }
  say(word, name, error.code, error.writeOutcome, JSON.stringify(error.message));
}

async function make(db: FastKV<string>, call: Call, name: string): Promise<void> {
  try {
    await perform(db, call);
  } catch (error) {
    sayRefused("refused", name, error);
    return;
  }
  say("ack", name);
}

async function live(db: FastKV<string>): Promise<void> {
  say("open");
  for (const [number, calls] of roundsOf(order).entries()) {
    say("round", String(number));
    await Promise.all(calls.map((call, at) => make(db, call, `${number}.${at}`)));
  }
  if (order.waits) {
    say("waiting");
    await new Promise(() => setInterval(() => undefined, 1000));
  }
  try {
    writeFileSync(order.stateFile, JSON.stringify(await readAll(db)));
    say("state");
  } catch (error) {
    sayRefused("unread", "-", error);
  }
  try {
    await db.close();
    say("closed");
  } catch (error) {
    sayRefused("unclosed", "-", error);
  }
}

let db: FastKV<string> | undefined;
try {
  db = await store.FastKV.open<string>(folder, { ...lifeOptions, runtimeFolder });
} catch (error) {
  sayRefused("unopened", "-", error);
}
if (db !== undefined) {
  await live(db);
}
process.exit(0);
