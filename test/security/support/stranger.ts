/**
 * What another user of this machine can do. Run by root, a process gives up its rights, becomes the user 65534 and
 * tries. Run by anybody else no such process can be made: then the permission bits on the way say what it could do,
 * as the system would judge.
 */

import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

export const strangerId = 65_534;

export type Attempt =
  | { does: "list" | "read" | "write" | "create"; path: string }
  /** Connects to a Unix socket, says something, and waits for what comes back or for the end. */
  | { does: "connect"; path: string; says: string };

/** Plain JavaScript: a module of ours may lie where the stranger cannot read it. */
const program = `
const fs = require("node:fs");
const net = require("node:net");
process.setgroups([]);
process.setgid(${strangerId});
process.setuid(${strangerId});
const act = {
  list: ({ path }) => fs.readdirSync(path).length,
  read: ({ path }) => fs.readFileSync(path).length,
  write: ({ path }) => fs.closeSync(fs.openSync(path, "r+")),
  create: ({ path }) => fs.writeFileSync(path, "x", { flag: "wx" }),
  connect: ({ path, says }) => new Promise((resolve, reject) => {
    const socket = net.connect(path, () => socket.write(Buffer.from(says, "hex")));
    socket.on("data", () => resolve("answered"));
    socket.on("error", reject);
    socket.on("close", () => resolve("cut off"));
  }),
};
(async () => {
  const outcomes = [];
  for (const attempt of JSON.parse(process.argv[1])) {
    try {
      const result = await act[attempt.does](attempt);
      outcomes.push(typeof result === "string" ? result : "done");
    } catch (error) {
      outcomes.push(error.code);
    }
  }
  process.stdout.write(JSON.stringify(outcomes));
})();
`;

/** What came of each attempt: "done", "cut off", "answered", or the system's code for why not. */
export async function strangerTries(attempts: readonly Attempt[]): Promise<string[]> {
  if (process.geteuid!() !== 0) {
    return attempts.map(judge);
  }
  const given = ["-e", program, JSON.stringify(attempts)];
  const { stdout } = await promisify(execFile)(process.execPath, given, { timeout: 20_000 });
  return JSON.parse(stdout) as string[];
}

function judge(attempt: Attempt): string {
  const { does } = attempt;
  for (let folder = path.dirname(attempt.path); folder !== "/"; folder = path.dirname(folder)) {
    if ((fs.statSync(folder).mode & 0o001) === 0) {
      return "EACCES";
    }
  }
  const needed = { list: 0o005, read: 0o004, write: 0o002, create: 0o003, connect: 0o002 }[does];
  const { mode } = fs.statSync(does === "create" ? path.dirname(attempt.path) : attempt.path);
  if ((mode & needed) !== needed) {
    return "EACCES";
  }
  return does === "connect" ? "cut off" : "done";
}
