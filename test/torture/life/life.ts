/** One life of `program.ts`, from outside: it is listened to, looked at, and ended. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Listener, type Promised } from "../../crash/processes/strikes/promised.js";
import type { Findings } from "../../crash/processes/strikes/reading.js";
import type { Random } from "../../support/random.js";
import { type LifePlan, stateName, workloadOf } from "./plan.js";

const programPath = fileURLToPath(new URL("./program.js", import.meta.url));
/** What takes so long has come to a stop. */
const patienceMs = 30_000;
export class Life {
  readonly #plan: LifePlan;
  readonly #promised: Promised;
  readonly #listener: Listener;
  readonly #child: ChildProcess;
  readonly #exited: Promise<[number | null, NodeJS.Signals | null]>;
  readonly #read: Promise<void>;
  #pids: number[] = [];
  /** Lines of each kind so far, and who waits for more. */
  readonly #said = new Map<string, number>();
  #waiting: (() => void)[] = [];
  #isOver = false;

  /** Only one life of a database at a time. */
  constructor(plan: LifePlan, promised: Promised) {
    this.#plan = plan;
    this.#promised = promised;
    this.#listener = new Listener(promised, workloadOf(plan.seed, plan.shards));
    fs.mkdirSync(plan.notes, { recursive: true });
    const errors = fs.openSync(this.#errorsPath, "w");
    const { folder, runtimeFolder, notes, seed, shards, syncIntervalMs } = plan;
    this.#child = spawn(
      process.execPath,
      [programPath, folder, runtimeFolder, notes, String(seed), String(shards), String(syncIntervalMs)],
      // The program and its shards are a process group: all of it can be killed at once.
      { stdio: ["pipe", "pipe", errors], detached: true },
    );
    fs.closeSync(errors);
    // It may be dead when an order comes.
    this.#child.stdin!.on("error", () => undefined);
    this.#exited = once(this.#child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
    const lines = createInterface({ input: this.#child.stdout! });
    lines.on("line", (line) => this.#onLine(line));
    this.#read = once(lines, "close").then(() => {
      this.#isOver = true;
      this.#wake();
    });
  }

  get listener(): Listener {
    return this.#listener;
  }

  /** Resolves when the database is open; throws unless what it holds is what the lives before were promised. */
  async opened(keepsAll = true): Promise<void> {
    await this.#hear("state");
    this.#promised.check(this.#findings(0), keepsAll);
    this.#order("go");
  }

  /** Resolves when so many more rounds have begun. */
  async rounds(count: number): Promise<void> {
    await this.#hear("round", (this.#said.get("round") ?? 0) + count);
  }

  /** Kills so many of the shards that live, drawn by chance. */
  killShards(count: number, random: Random): void {
    // Of the dead ones the program has started others since.
    const last = this.#pids.slice(-this.#plan.shards);
    for (const pid of random.shuffle(last).slice(0, count)) {
      kill(pid);
    }
  }

  /** Throws unless all that was called is there, whatever shards have died: the program lives. */
  async look(): Promise<void> {
    const look = this.#said.get("state") ?? 0;
    this.#order("look");
    await this.#hear("state", look + 1);
    this.#promised.oracle.noteAllDurable();
    this.#promised.check(this.#findings(look));
    this.#order("go");
    await this.#hear("agreed", look);
  }

  /** Ends it cleanly. */
  async close(): Promise<void> {
    this.#order("close");
    await this.#hear("closed");
    await Promise.all([this.#exited, this.#read]);
    this.#promised.oracle.noteAllDurable();
  }

  /**
   * Kills the program, or it and all its shards at once; resolves when what it said is heard. With `mayHaveFailed` it
   * may have ended by itself before, such as for want of its disk.
   */
  async kill(victim: "coordinator" | "everything", mayHaveFailed = false): Promise<void> {
    kill(victim === "everything" ? -this.#child.pid! : this.#child.pid!);
    const [code, signal] = await this.#exited;
    await this.#read;
    this.#listener.end();
    if (signal !== "SIGKILL" && !mayHaveFailed) {
      throw this.#endedByItself(code ?? signal);
    }
  }

  /** For the end of all: nobody is left, whatever happened. */
  async destroy(): Promise<void> {
    kill(-this.#child.pid!);
    await this.#exited;
  }

  get #errorsPath(): string {
    return path.join(this.#plan.notes, "errors.txt");
  }

  #order(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  #findings(look: number): Findings {
    return JSON.parse(fs.readFileSync(path.join(this.#plan.notes, stateName(look)), "utf8")) as Findings;
  }

  #onLine(line: string): void {
    const [word = "", argument = ""] = line.split(" ");
    this.#said.set(word, (this.#said.get(word) ?? 0) + 1);
    if (word === "round") {
      this.#listener.startRound(Number(argument));
    } else if (word === "ack" || word === "refused") {
      this.#listener.settle(argument, word);
    } else if (word === "shard") {
      this.#pids.push(Number(argument));
    }
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const look of waiting) {
      look();
    }
  }

  /** Resolves when it has said the word so many times. */
  async #hear(word: string, times = 1): Promise<void> {
    let isStuck = false;
    const timer = setTimeout(() => {
      isStuck = true;
      this.#wake();
    }, patienceMs);
    try {
      while ((this.#said.get(word) ?? 0) < times) {
        if (isStuck) {
          const open = this.#listener.openCalls();
          throw new Error(`The program came to a stop before it said "${word}"; never answered: ${open}`);
        }
        if (this.#isOver) {
          const [code, signal] = await this.#exited;
          throw this.#endedByItself(code ?? signal);
        }
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #endedByItself(how: number | string | null): Error {
    return new Error(
      `The program ended by itself (${how}): ${fs.readFileSync(this.#errorsPath, "utf8").slice(0, 4000)}`,
    );
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It is gone.
  }
}
