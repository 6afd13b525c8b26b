/**
 * The identity of the thread that holds a folder, if it is not the first thread of its process. A worker thread may be
 * terminated while its process continues, and the folder it held must not stay locked. On Linux every thread has its
 * own id and start time (/proc/thread-self/stat, /proc/<pid>/task/<id>/stat, with the fields of proc_pid_stat(5)), and
 * its folder in task/ disappears with it. Node finishes a worker's operations, including writes to files, before its
 * thread ends. On other systems this cannot be determined, and the folder stays locked until the process ends.
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
  /** The operating system's thread id, not `worker_threads.threadId`. */
  id: number;
  /** Needed because ids are reused. */
  startTime: string;
}

/** The holder of a folder. */
export interface HolderIdentity extends ProcessIdentity {
  /** Absent for the first thread of a process, and where threads cannot be told apart. */
  thread?: ThreadIdentity;
}

/** Returns the identity of the calling thread. */
export function currentHolder(source: ProcessSource = systemProcessSource): HolderIdentity {
  const holder = currentProcess(source);
  const text = source.platform === "linux" ? source.readText("/proc/thread-self/stat") : undefined;
  const id = Number(/^(\d+) /.exec(text ?? "")?.[1]);
  const status = parseLinuxStat(text ?? "");
  if (!Number.isSafeInteger(id) || id === holder.pid || status === undefined) {
    return holder;
  }
  const thread = { id, startTime: status.startTime };
  // Recorded only if it can be found again.
  return threadStatus(holder.pid, thread, source) === "running" ? { ...holder, thread } : holder;
}

/** Returns false only if it is certain that the process or its thread has ended; true also if that is unknown. */
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
