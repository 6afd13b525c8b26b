/** The system calls of real processes, seen and made to fail by strace. */

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

/** Where a process made a call on a file of the database. */
export interface CallPoint {
  call: string;
  /** A file or folder of the database, relative to it; undefined where the name is another one in each run. */
  file: string | undefined;
  /** Which call on this file it is in its thread, from 1. */
  nthOnFile: number;
  /** Which call of this name on any file it is in its thread, from 1. */
  nthInThread: number;
  /** An `openat` that makes a file. */
  isCreation: boolean;
}

export interface Injection {
  call: string;
  file: string | undefined;
  nth: number;
  /** All calls from the n-th on. */
  isLasting: boolean;
  /** The name of an errno, or "death": SIGKILL in place of the call. */
  fault: string;
}

const watched = [
  "pwrite64",
  "fdatasync",
  "fsync",
  "rename",
  "renameat",
  "renameat2",
  "unlink",
  "unlinkat",
  "ftruncate",
  "openat",
  "link",
  "linkat",
  "mkdir",
  "mkdirat",
  "pread64",
] as const;

/** Injected errors are bypassed by io_uring; one thread in the pool makes the calls countable. */
export const straceEnvironment = { UV_THREADPOOL_SIZE: "1", UV_USE_IO_URING: "0" };

/** Why strace cannot be used here; undefined where it can. */
export function whyNoStrace(): string | undefined {
  const { status, error } = spawnSync("strace", [...common, ...following(false), "-o", "/dev/null", "true"]);
  if (error !== undefined) {
    return "strace is missing";
  }
  return status === 0 ? undefined : "strace may not trace here";
}

const common = ["-D", "-f", "-q", "-s", "0", "-y"];

/** Only where all children are traced can the kernel be told which calls to stop at, which costs less. */
function following(leavesChildren: boolean): string[] {
  return leavesChildren ? ["-b", "execve"] : ["--seccomp-bpf"];
}

/** Counts: the log names every call. With `leavesChildren` the processes that it starts are not traced. */
export function countingCommand(log: string, leavesChildren: boolean): string[] {
  const trace = `trace=${watched.map((call) => `?${call}`).join()}`;
  return ["strace", ...common, ...following(leavesChildren), "-o", log, "-e", trace];
}

/** `folder` is that of the database. */
export function injectingCommand(
  log: string,
  folder: string,
  injection: Injection,
  leavesChildren: boolean,
): string[] {
  const { call, file, nth, isLasting, fault } = injection;
  const what = fault === "death" ? "signal=KILL" : `error=${fault}`;
  return [
    "strace",
    ...common,
    ...following(leavesChildren),
    ...(file === undefined ? [] : ["-P", path.join(folder, file)]),
    ...["-o", log, "-e", `trace=${call}`, "-e", `inject=${call}:${what}:when=${nth}${isLasting ? "+" : ""}`],
  ];
}

/** How often the fault struck. */
export function strikes(log: string): number {
  if (!fs.existsSync(log)) {
    return 0;
  }
  const text = fs.readFileSync(log, "utf8");
  return (text.match(/\(INJECTED\)/g) ?? []).length + (text.includes("killed by SIGKILL") ? 1 : 0);
}

const line = /^(\d+) +(\w+)\((.*)$/;
const fileOfDescriptor = /^\d+<([^>]*)>/;
const quoted = /"([^"]*)"/g;
const passingName = /\d+-[0-9a-f]{8}\.tmp$/;

/** All calls on files of `folder` that a log of a counting run tells of, in order. */
export function pointsIn(log: string, folder: string): CallPoint[] {
  const counts = new Map<string, number>();
  const next = (...key: readonly string[]): number => {
    const name = key.join("\0");
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return count;
  };
  const points = new Map<string, CallPoint>();
  for (const text of fs.readFileSync(log, "utf8").split("\n")) {
    const [, thread = "", call = "", rest = ""] = line.exec(text) ?? [];
    if (call === "") {
      continue;
    }
    const nthInThread = next(thread, call);
    const paths = [fileOfDescriptor.exec(rest)?.[1] ?? "", ...[...rest.matchAll(quoted)].map((m) => m[1]!)];
    const own = paths.filter((name) => name === folder || name.startsWith(`${folder}/`));
    if (own.length === 0) {
      continue;
    }
    const absolute = own.find((name) => !passingName.test(name));
    const file = absolute === undefined ? undefined : path.relative(folder, absolute);
    const nthOnFile = file === undefined ? 0 : next(thread, call, file);
    const point = { call, file, nthOnFile, nthInThread, isCreation: rest.includes("O_CREAT") };
    // Two threads may do the same on a file, or a call of the same number: one injection strikes both.
    points.set(file === undefined ? `${call} ${nthInThread}` : `${call} ${nthOnFile} ${file}`, point);
  }
  return [...points.values()];
}

/** A program that runs Node under a command, for `execPath`. */
export function writeStarter(file: string, command: readonly string[]): void {
  const environment = Object.entries(straceEnvironment).map(([name, value]) => `${name}=${value}`);
  const words = [...environment, "exec", ...command.map(shellWord), shellWord(process.execPath), '"$@"'];
  fs.writeFileSync(file, `#!/bin/sh\n${words.join(" ")}\n`, { mode: 0o700 });
}

function shellWord(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
