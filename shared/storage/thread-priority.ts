import fs from "node:fs";
import os from "node:os";

/**
 * Lowers the priority of the calling thread, so that threads of normal priority go first, on systems with a priority
 * for each thread (Linux). Does nothing on other systems.
 */
export function lowerThreadPriority(niceness: number): void {
  if (process.platform !== "linux") {
    return;
  }
  try {
    // "<pid>/task/<thread id>"
    const id = Number(fs.readlinkSync("/proc/thread-self").split("/").at(-1));
    os.setPriority(id, niceness);
  } catch {
    // Optional: nothing is lost if the system refuses it.
  }
}
