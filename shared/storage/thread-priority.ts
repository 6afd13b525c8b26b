import fs from "node:fs";
import os from "node:os";

/**
 * Has the calling thread yield the processor to threads of the usual priority, where the system has a priority for each
 * thread (Linux); elsewhere nothing happens.
 */
export function lowerThreadPriority(niceness: number): void {
  if (process.platform !== "linux") {
    return;
  }
  try {
    // "<pid>/task/<id of the thread>"
    const id = Number(fs.readlinkSync("/proc/thread-self").split("/").at(-1));
    os.setPriority(id, niceness);
  } catch {
    // It is a courtesy: a system that refuses it loses nothing.
  }
}
