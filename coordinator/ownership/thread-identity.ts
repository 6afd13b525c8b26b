/**
 * Who the thread is that holds a folder, where it is not a process's first: a worker thread may be terminated while its
 * process goes on, and what it held must not stay locked. On Linux every thread has an id and a start time of its own
 * (/proc/thread-self/stat, /proc/<pid>/task/<id>/stat, the fields as in proc_pid_stat(5)), and its folder below task/ goes
 * with it. Node ends what a worker has under way, writes to files included, before its thread ends. Elsewhere nothing
 * tells, and the folder stays locked until the process ends.
 */

import {
  currentProcess,
  isAlive,
  isCertainlyAlive,
  type ProcessIdentity,
  type ProcessSource,
  parseLinuxStat,
  systemProcessSource,
} from "./process-identity.js";

export interface ThreadIdentity {
  /** Of the operating system, not `worker_threads.threadId`. */
  id: number;
  /** Ids are used again. */
  startTime: string;
}

/** Who holds a folder. */
export interface HolderIdentity extends ProcessIdentity {
  /** Absent for the first thread of a process, and where threads cannot be told apart. */
  thread?: ThreadIdentity;
}

/** The calling thread. */
export function currentHolder(source: ProcessSource = systemProcessSource): HolderIdentity {
  const holder = currentProcess(source);
  const text = source.platform === "linux" ? source.readText("/proc/thread-self/stat") : undefined;
  const id = Number(/^(\d+) /.exec(text ?? "")?.[1]);
  const status = parseLinuxStat(text ?? "");
  if (!Number.isSafeInteger(id) || id === holder.pid || status === undefined) {
    return holder;
  }
  const thread = { id, startTime: status.startTime };
  // Only where it will be found again is it worth a word.
  return threadStatus(holder.pid, thread, source) === "running" ? { ...holder, thread } : holder;
}

/** True also where nobody can tell. False only where it is certain that the process or its thread has ended. */
export function isHolderAlive(holder: HolderIdentity, source: ProcessSource = systemProcessSource): boolean {
  if (!isAlive(holder, source)) {
    return false;
  }
  const { pid, thread } = holder;
  return (
    thread === undefined || !isCertainlyAlive(holder, source) || threadStatus(pid, thread, source) !== "ended"
  );
}

function threadStatus(
  pid: number,
  { id, startTime }: ThreadIdentity,
  source: ProcessSource,
): "running" | "ended" | "unknown" {
  const folder = `/proc/${pid}/task`;
  try {
    if (!source.exists(`${folder}/${id}`)) {
      return source.exists(folder) ? "ended" : "unknown";
    }
  } catch {
    return "unknown";
  }
  const status = parseLinuxStat(source.readText(`${folder}/${id}/stat`) ?? "");
  if (status === undefined) {
    return "unknown";
  }
  return status.startTime === startTime ? "running" : "ended";
}
