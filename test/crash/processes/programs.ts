/** Runs program.ts and listens to what it says. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const programPath = fileURLToPath(new URL("./program.js", import.meta.url));

export interface Program {
  readonly child: ChildProcess;
  /** What it has acknowledged by now. */
  readonly acknowledged: string[];
  readonly shards: number[];
  /** Resolves after so many lines that begin with this word. */
  said(word: string, times?: number): Promise<void>;
  /** What it and its shards have written to their standard error by now. */
  stderr(): string;
  /** Resolves when it is gone and all that it said was read. */
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

const started = new Set<ChildProcess>();

/** Call it in a `describe` block: programs that still run after a test are killed. */
export function killProgramsAfterwards(): void {
  afterEach("kill the programs that still run", () => {
    for (const child of started) {
      child.kill("SIGKILL");
    }
    started.clear();
  });
}

export function startProgram(
  what: string,
  stores: { folder: string; runtimeFolder: string },
  options: { durability?: string; ownGroup?: boolean } = {},
): Program {
  const { folder, runtimeFolder } = stores;
  const child = spawn(
    process.execPath,
    [programPath, what, folder, runtimeFolder, options.durability ?? "background"],
    { stdio: ["ignore", "pipe", "pipe"], detached: options.ownGroup ?? false },
  );
  started.add(child);
  const acknowledged: string[] = [];
  const shards: number[] = [];
  const counts = new Map<string, number>();
  let waiting: (() => void)[] = [];
  const lines = createInterface({ input: child.stdout! });
  lines.on("line", (line) => {
    const [word = "", ...rest] = line.split(" ");
    counts.set(word, (counts.get(word) ?? 0) + 1);
    if (word === "ack") {
      acknowledged.push(rest[0]!);
    } else if (word === "shards") {
      shards.push(...rest.map(Number));
    }
    const all = waiting;
    waiting = [];
    for (const look of all) {
      look();
    }
  });
  let errors = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const read = once(lines, "close");
  const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  const ended = Promise.all([exited, read]).then(([[code, signal]]) => {
    started.delete(child);
    return { code, signal };
  });
  const said = async (word: string, times = 1): Promise<void> => {
    let isOver = false;
    void ended.then(() => {
      isOver = true;
      for (const look of waiting) {
        look();
      }
    });
    while ((counts.get(word) ?? 0) < times) {
      if (isOver) {
        throw new Error(`The program ended before it said "${word}" ${times} times`);
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  };
  return { child, acknowledged, shards, stderr: () => errors, said, ended };
}
