/** Runs a program that is a whole case by itself, and that says at its end, in its last line, what it counted. */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

/** The command that gives a program a mount namespace of its own: what it mounts ends with it. */
export function ownMounts(): string[] | undefined {
  const asRoot = ["unshare", "-m", "--propagation", "private"];
  const rootless = ["unshare", "-Urm"];
  return [asRoot, rootless].find(([command, ...parameters]) => {
    const test = "mount -t tmpfs -o size=1m tmpfs /tmp";
    return spawnSync(command!, [...parameters, "sh", "-c", test]).status === 0;
  });
}

/** Whether file systems in images can be mounted here. */
export function canMountImages(): boolean {
  const isThere = (command: string): boolean => spawnSync(command, ["-V"]).error === undefined;
  return (
    process.getuid?.() === 0 &&
    isThere("mkfs.ext4") &&
    isThere("fstrim") &&
    spawnSync("losetup", ["-f"]).status === 0
  );
}

export interface Scenario {
  /** The module that is run. */
  program: URL;
  /** What it is run under, in front of Node's path. */
  under: readonly string[];
  environment: Record<string, string>;
  patienceMs: number;
}

/** What it counted. Throws what it wrote to standard error where it failed; nothing of it is left. */
export async function runScenario(scenario: Scenario): Promise<Record<string, number>> {
  const { program, under, environment, patienceMs } = scenario;
  const [command, ...parameters] = [...under, process.execPath, program.pathname];
  const child = spawn(command!, parameters, {
    stdio: ["ignore", "pipe", "pipe"],
    // It and its shards are a process group: all of it can be killed at once.
    detached: true,
    env: { ...process.env, ...environment },
  });
  let isLate = false;
  const killAll = (): void => {
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {
      // Nobody is left.
    }
  };
  const timer = setTimeout(() => {
    isLate = true;
    killAll();
  }, patienceMs);
  try {
    const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
    const [output, errors, [code, signal]] = await Promise.all([
      text(child.stdout!),
      text(child.stderr!),
      exited,
    ]);
    if (isLate || code !== 0) {
      const how = isLate ? `did not end within ${patienceMs} ms` : `ended with ${code ?? signal}`;
      throw new Error(`The case ${how}: ${errors}${output}`);
    }
    return JSON.parse(output.trim().split("\n").at(-1)!) as Record<string, number>;
  } finally {
    clearTimeout(timer);
    killAll();
  }
}
