/** Programs that use the library as other people's do: started by Node in ways of their own. */

import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const execute = promisify(execFile);

export const repositoryRoot = fileURLToPath(new URL("../../../../../", import.meta.url));
export const libraryUrl = new URL("../../../../coordinator/index.js", import.meta.url).href;

export interface ProgramOutput {
  stdout: string;
  stderr: string;
}

/**
 * The text of a module that opens `./db` and has its shards and their worker threads at work: it writes, flushes,
 * compacts, reads, and prints "read 100 of 100".
 *
 * @param options the text of the options of `FastKV.open`
 * @param before statements that run first
 */
export function programText(library: string, options = "{}", before = ""): string {
  return `
    import { FastKV } from ${JSON.stringify(library)};
    ${before}
    const db = await FastKV.open("./db", ${options});
    await db.batchPut(Array.from({ length: 100 }, (_, index) => ["key" + index, index]));
    await db.flush();
    await db.compact();
    const { shards } = await db.stats();
    console.log("read", (await db.scan().toArray()).length, "of", await db.count());
    console.log("shards", ...shards.map(({ pid }) => pid));
    await db.close();
  `;
}

/** Runs Node in a folder. Rejects where it fails. */
export async function runNode(
  folder: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<ProgramOutput> {
  const { NODE_OPTIONS: _ours, ...inherited } = process.env;
  return execute(process.execPath, args, {
    cwd: folder,
    env: { ...inherited, ...environment },
    timeout: 50_000,
  });
}

/** Writes a module's text into the folder and runs it there. */
export async function runProgram(
  folder: string,
  text: string,
  args: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<ProgramOutput> {
  const file = path.join(folder, "program.mjs");
  writeFileSync(file, text);
  return runNode(folder, [...args, file], environment);
}

/** The pids of the shards that a program named. */
export function shardsOf({ stdout }: ProgramOutput): string[] {
  return /^shards (.*)$/m.exec(stdout)![1]!.split(" ");
}
