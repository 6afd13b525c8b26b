/** What the system reports about processes. Zeros if it does not (only Linux has /proc). */

import { readFileSync } from "node:fs";

const pageBytes = 4096;

/** Resident memory, including pages of mapped files. */
export function residentBytes(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * pageBytes;
  } catch {
    return 0;
  }
}

/**
 * Bytes that the processes made the system write to disk, minus those of files that were removed before they were
 * written.
 */
export function writtenBytes(pids: readonly number[]): number {
  let sum = 0;
  for (const pid of pids) {
    try {
      const lines = readFileSync(`/proc/${pid}/io`, "utf8").split("\n");
      const figure = (name: string): number =>
        Number(lines.find((line) => line.startsWith(`${name}: `))?.split(" ")[1] ?? 0);
      sum += figure("write_bytes") - figure("cancelled_write_bytes");
    } catch {
      // Not reported on this system.
    }
  }
  return sum;
}
