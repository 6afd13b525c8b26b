/** One life of the program: it opens what the last one left, works, is struck, and dies. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Listener, type Promised } from "./promised.js";
import type { Findings } from "./reading.js";
import { noteNames, type Step, type Strike, type StrikeOrder, strikeVariable } from "./strike.js";
import { StrikeWorkload } from "./workload.js";

const programPath = fileURLToPath(new URL("./program.js", import.meta.url));
const preload = new URL("./preload.js", import.meta.url).href;
/** A program that outlives the death of its shard works on for so many rounds. */
const roundsAfterwards = 1;
/** A life takes about a second; one that takes so long has come to a stop. */
const patienceMs = 30_000;

export interface CyclePlan {
  folder: string;
  runtimeFolder: string;
  notes: string;
  seed: number;
  strike: Strike;
}

/** Runs one life of the program; the step in which it was struck, undefined where it never came to it. */
export async function runCycle(plan: CyclePlan, promised: Promised): Promise<Step | undefined> {
  const { notes, strike } = plan;
  fs.mkdirSync(notes);
  const order: StrikeOrder = { ...strike, notes };
  const errors = path.join(notes, "errors.txt");
  const errorFile = fs.openSync(errors, "w");
  const child = spawn(
    process.execPath,
    ["--import", preload, programPath, plan.folder, plan.runtimeFolder, notes, String(plan.seed)],
    {
      stdio: ["pipe", "pipe", errorFile],
      // The program and its shards are a process group: all of it can be killed at once.
      detached: true,
      env: { ...process.env, [strikeVariable]: JSON.stringify(order) },
    },
  );
  fs.closeSync(errorFile);
  const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  const killAll = (): void => {
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {
      // Nobody is left.
    }
  };
  const listener = new Listener(promised, new StrikeWorkload(plan.seed));
  let lastRound = Number.POSITIVE_INFINITY;
  let isUnopened = false;
  let isStuck = false;
  const timer = setTimeout(() => {
    isStuck = true;
    killAll();
  }, patienceMs);
  try {
    for await (const line of createInterface({ input: child.stdout! })) {
      const [word, argument = ""] = line.split(" ");
      if (word === "state") {
        promised.check(JSON.parse(fs.readFileSync(path.join(notes, noteNames.state), "utf8")) as Findings);
      } else if (word === "round") {
        const number = Number(argument);
        listener.startRound(number);
        if (lastRound === Number.POSITIVE_INFINITY && fs.existsSync(path.join(notes, noteNames.struck))) {
          lastRound = number + roundsAfterwards;
        }
        if (number >= lastRound) {
          killAll();
        }
      } else if (word === "ack" || word === "refused") {
        listener.settle(argument, word);
      } else if (word === "unopened") {
        isUnopened = true;
      } else {
        killAll();
      }
    }
    const [code, signal] = await exited;
    const wasStruck = fs.existsSync(path.join(notes, noteNames.struck));
    const endsWell = signal === "SIGKILL" || (isUnopened && wasStruck && strike.victim === "shard");
    if (isStuck) {
      throw new Error(`The program came to a stop: ${listener.openCalls()} were never answered`);
    }
    if (!endsWell) {
      throw new Error(`The program ended by itself (${code ?? signal}): ${fs.readFileSync(errors, "utf8")}`);
    }
    return wasStruck ? (fs.readFileSync(path.join(notes, noteNames.struck), "utf8") as Step) : undefined;
  } finally {
    clearTimeout(timer);
    listener.end();
    killAll();
    await exited;
  }
}
