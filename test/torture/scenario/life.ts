/** Starts a life of the program, listens to it, and sees that nothing of it is left. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Findings } from "../../crash/processes/strikes/reading.js";
import type { Call } from "../../crash/processes/strikes/workload.js";
import type { History, Outcome } from "./history.js";
import { checkCode } from "./history.js";
import { type LifeOrder, lifeVariable, roundsOf } from "./plan.js";

export const programPath = fileURLToPath(new URL("./program.js", import.meta.url));
/** A life takes about a second; one that takes so long has come to a stop. */
const patienceMs = 40_000;

export interface LifePlan extends Omit<LifeOrder, "stateFile"> {
  /** A folder for its notes. */
  notes: string;
  /** What the program is run under: a command and its arguments, in front of Node's path. */
  under: readonly string[];
  environment: Record<string, string>;
  /** Called when the program has its database open, with its pid. */
  onOpen?: (pid: number) => void;
  /** Its shards are left alone at its end: somebody else sees to them. */
  leavesShards?: boolean;
}

export interface LifeEnd {
  isOpened: boolean;
  /** The code of the error where the database could not be opened. */
  unopened: string | undefined;
  /** What it found at its end. */
  findings: Findings | undefined;
  isClosed: boolean;
  signal: NodeJS.Signals | null;
}

export class Life {
  readonly #plan: LifePlan;
  readonly #history: History;
  readonly #rounds: Call[][];
  readonly #open = new Map<string, { call: Call; settle(outcome: Outcome): void }>();
  readonly #end: LifeEnd = {
    isOpened: false,
    unopened: undefined,
    findings: undefined,
    isClosed: false,
    signal: null,
  };
  readonly #order: LifeOrder;
  #pid = 0;
  #kill: () => void = () => undefined;

  constructor(plan: LifePlan, history: History) {
    this.#plan = plan;
    this.#history = history;
    const { storeUrl, folder, runtimeFolder, notes, seed, rounds, waits, tellsAll, starters } = plan;
    const stateFile = path.join(notes, "state.json");
    this.#order = { storeUrl, folder, runtimeFolder, stateFile, seed, rounds, waits, tellsAll, starters };
    this.#rounds = roundsOf(this.#order);
  }

  /** Runs it to its end. Throws where it came to a stop, or ended by another error than a FastKVError. */
  async run(): Promise<LifeEnd> {
    const { notes, under, environment } = this.#plan;
    const errors = path.join(notes, "errors.txt");
    const errorFile = fs.openSync(errors, "w");
    const [command, ...parameters] = [...under, process.execPath, programPath];
    const child = spawn(command!, parameters, {
      stdio: ["pipe", "pipe", errorFile],
      // The program and its shards are a process group: all of it can be killed at once.
      detached: true,
      env: { ...process.env, ...environment, [lifeVariable]: JSON.stringify(this.#order) },
    });
    fs.closeSync(errorFile);
    const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
    this.#pid = child.pid!;
    this.#kill = () => {
      try {
        process.kill(this.#plan.leavesShards === true ? this.#pid : -this.#pid, "SIGKILL");
      } catch {
        // Nobody is left.
      }
    };
    let isStuck = false;
    const timer = setTimeout(() => {
      isStuck = true;
      this.#kill();
    }, patienceMs);
    try {
      for await (const line of createInterface({ input: child.stdout! })) {
        this.#hear(line);
      }
      const [code, signal] = await exited;
      if (isStuck) {
        const calls = [...this.#open].map(([name, { call }]) => `${name} (${call.type})`).join(", ");
        throw new Error(`The program came to a stop: ${calls || "no call"} was never answered`);
      }
      if (signal !== "SIGKILL" && code !== 0) {
        throw new Error(
          `The program ended by itself (${code ?? signal}): ${fs.readFileSync(errors, "utf8")}`,
        );
      }
      return { ...this.#end, signal };
    } finally {
      clearTimeout(timer);
      this.#kill();
      await exited;
      // The program is dead: nobody was told of what is still open.
      for (const { settle } of this.#open.values()) {
        settle(undefined);
      }
    }
  }

  #hear(line: string): void {
    const [word = "", name = "", code = "", writeOutcome = "", ...words] = line.split(" ");
    const message = words.join(" ");
    switch (word) {
      case "open":
        this.#end.isOpened = true;
        this.#plan.onOpen?.(this.#pid);
        break;
      case "round":
        this.#rounds[Number(name)]!.forEach((call, at) => {
          this.#open.set(`${name}.${at}`, { call, settle: this.#history.begin(call) });
        });
        break;
      case "ack":
        this.#settle(name, { kind: "ack" });
        break;
      case "refused":
        this.#settle(name, { kind: "refused", code, writeOutcome, message });
        break;
      case "waiting":
        this.#kill();
        break;
      case "state":
        this.#end.findings = JSON.parse(fs.readFileSync(this.#order.stateFile, "utf8")) as Findings;
        break;
      case "closed":
        this.#end.isClosed = true;
        break;
      case "unopened":
        this.#end.unopened = code;
        checkCode(code, message, "The opening");
        break;
      case "unread":
        checkCode(code, message, "Reading everything");
        break;
      case "unclosed":
        checkCode(code, message, "Closing");
        break;
      default:
        throw new Error(`The program said "${line}"`);
    }
  }

  #settle(name: string, outcome: Outcome): void {
    const { settle } = this.#open.get(name)!;
    this.#open.delete(name);
    settle(outcome);
  }
}
