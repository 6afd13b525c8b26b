/**
 * The identity of a process. Pids are reused, so an identity also contains when the process started, and in which boot
 * of the machine.
 *
 * | system  | start time                                | boot                                                |
 * |---------|-------------------------------------------|-----------------------------------------------------|
 * | Linux   | field 22 of /proc/<pid>/stat, clock ticks | /proc/sys/kernel/random/boot_id                     |
 * | macOS   | `ps -o lstart=`, in UTC and the C locale  | `sysctl kern.bootsessionuuid`: kern.boottime is     |
 * |         |                                           | no identity, it moves when the clock is set         |
 * | others  | "" (not known)                            | "" (not known)                                      |
 *
 * If a part is unknown, a process with the same pid counts as the same process ("it may be alive"), but is never
 * killed. Processes in another pid namespace (two containers that share a volume) and on other machines are not
 * detected.
 */

import { execFileSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { FastKVError } from "../../shared/errors.js";
import { NodeFileSystem } from "../../shared/storage/node-file-system.js";
import { systemErrorCode } from "./system-error.js";

export interface ProcessIdentity {
  pid: number;
  /** In the system's own format; only compared. "" if unknown. */
  startTime: string;
  /** Differs between boots of a machine and between machines. "" if unknown. */
  bootId: string;
}

/** The queries to the operating system. Tests replace them. */
export interface ProcessSource {
  readonly platform: NodeJS.Platform;
  /** Returns the text of a small file; undefined if it cannot be read. */
  readText(path: string): string | undefined;
  /** Throws if that cannot be determined. */
  exists(path: string): boolean;
  /** Returns the output of a command; undefined if it fails. */
  run(command: string, commandArguments: readonly string[]): string | undefined;
  /** Like process.kill: throws ESRCH if there is no such process, EPERM if it belongs to another user. */
  signal(pid: number, signal: 0 | "SIGKILL"): void;
}

const maxProcFileBytes = 4096;
const commandTimeoutMs = 5000;
const longestPauseMs = 50;

const fileSystem = new NodeFileSystem();

/** The machine on which this process runs. */
export const systemProcessSource: ProcessSource = {
  platform: process.platform,
  readText(path) {
    try {
      const handle = fileSystem.open(path, "read");
      try {
        // Files in /proc report a size of 0, so they are read to their end.
        const bytes = Buffer.alloc(maxProcFileBytes);
        return bytes.toString("latin1", 0, handle.read(bytes, 0));
      } finally {
        handle.close();
      }
    } catch {
      return undefined;
    }
  },
  exists(path) {
    return fileSystem.exists(path);
  },
  run(command, commandArguments) {
    try {
      return execFileSync(command, commandArguments, {
        encoding: "utf8",
        env: { LC_ALL: "C", TZ: "UTC" },
        stdio: ["ignore", "pipe", "ignore"],
        timeout: commandTimeoutMs,
      });
    } catch {
      return undefined;
    }
  },
  signal(pid, signal) {
    process.kill(pid, signal);
  },
};

export interface ProcessStatus {
  startTime: string;
  /** No thread of the process runs any more; it only waits for its parent to collect it. */
  isDead: boolean;
}

/**
 * Parses /proc/<pid>/stat (proc_pid_stat(5)). The second field is the program's name in parentheses, which may itself
 * contain spaces and parentheses, so fields are counted from the last parenthesis. A zombie is dead only if it is alone
 * in its thread group: the first thread of a killed process may be a zombie while another thread still finishes a
 * write.
 */
export function parseLinuxStat(text: string): ProcessStatus | undefined {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, threads, startTime] = [fields[0], fields[17], fields[19]];
  if (state === undefined || threads === undefined || startTime === undefined || !/^\d+$/.test(startTime)) {
    return undefined;
  }
  const isGone = state === "X" || state === "x";
  return { startTime, isDead: isGone || (state === "Z" && Number(threads) <= 1) };
}

/** Parses one line of `ps -o stat=,lstart=`. */
export function parsePsLine(text: string): ProcessStatus | undefined {
  const match = /^\s*(\S+)\s+(\S.*?)\s*$/.exec(text);
  return match ? { startTime: match[2]!, isDead: match[1]!.startsWith("Z") } : undefined;
}

function statusOf(pid: number, source: ProcessSource): ProcessStatus | undefined {
  let status: ProcessStatus | undefined;
  if (source.platform === "linux") {
    status = parseLinuxStat(source.readText(`/proc/${pid}/stat`) ?? "");
  } else if (source.platform === "darwin") {
    status = parsePsLine(source.run("/bin/ps", ["-o", "stat=,lstart=", "-p", String(pid)]) ?? "");
  }
  if (status !== undefined) {
    return status;
  }
  // Nothing to read: the process is gone, or the system does not tell (no /proc, or one that hides processes).
  try {
    source.signal(pid, 0);
  } catch (error) {
    if (systemErrorCode(error) === "ESRCH") {
      return undefined;
    }
  }
  return { startTime: "", isDead: false };
}

function currentBootId(source: ProcessSource): string {
  let text: string | undefined;
  if (source.platform === "linux") {
    text = source.readText("/proc/sys/kernel/random/boot_id");
  } else if (source.platform === "darwin") {
    text = source.run("/usr/sbin/sysctl", ["-n", "kern.bootsessionuuid"]);
  }
  return text?.trim() ?? "";
}

/** Returns the identity of a running process; undefined if no process has this pid, or only a zombie. */
export function identityOf(
  pid: number,
  source: ProcessSource = systemProcessSource,
): ProcessIdentity | undefined {
  const status = statusOf(pid, source);
  if (status === undefined || status.isDead) {
    return undefined;
  }
  return { pid, startTime: status.startTime, bootId: currentBootId(source) };
}

export function currentProcess(source: ProcessSource = systemProcessSource): ProcessIdentity {
  return identityOf(process.pid, source) ?? { pid: process.pid, startTime: "", bootId: "" };
}

/** Whether the process still runs. Also true if a process has this pid and nothing shows that it is a different one. */
export function isAlive(identity: ProcessIdentity, source: ProcessSource = systemProcessSource): boolean {
  const running = identityOf(identity.pid, source);
  return (
    running !== undefined &&
    mayEqual(running.bootId, identity.bootId) &&
    mayEqual(running.startTime, identity.startTime)
  );
}

function mayEqual(left: string, right: string): boolean {
  return left === right || left === "" || right === "";
}

/** Whether it is certain that this very process runs. */
export function isCertainlyAlive(identity: ProcessIdentity, source: ProcessSource): boolean {
  const running = identityOf(identity.pid, source);
  return (
    running !== undefined &&
    running.startTime !== "" &&
    running.startTime === identity.startTime &&
    running.bootId !== "" &&
    running.bootId === identity.bootId
  );
}

/**
 * Kills a process with SIGKILL (which also ends a stopped one) and waits until no thread of it runs. Another process
 * that got the same pid is left alone. A process that is not our child gives no event when it ends, so it is checked
 * after pauses of 1 ms, growing to 50 ms.
 *
 * @throws FastKVError `FASTKV_LOCKED` if it still exists after `timeoutMs`, or may not be killed.
 */
export async function killAndAwait(
  identity: ProcessIdentity,
  timeoutMs: number,
  source: ProcessSource = systemProcessSource,
): Promise<void> {
  if (isCertainlyAlive(identity, source)) {
    kill(identity.pid, source);
  }
  const deadline = performance.now() + timeoutMs;
  for (let pauseMs = 1; isAlive(identity, source); pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    if (performance.now() >= deadline) {
      throw new FastKVError(
        "FASTKV_LOCKED",
        `Process ${identity.pid} of the database's previous owner is still there after ${timeoutMs} ms. ` +
          "End it (or wait for the disk that it waits for), then open the database again.",
      );
    }
    await delay(pauseMs);
  }
}

function kill(pid: number, source: ProcessSource): void {
  try {
    source.signal(pid, "SIGKILL");
  } catch (cause) {
    if (systemErrorCode(cause) !== "ESRCH") {
      throw new FastKVError(
        "FASTKV_LOCKED",
        `Process ${pid} of the database's previous owner still runs and cannot be killed. End it, then open the database again.`,
        { cause },
      );
    }
  }
}
