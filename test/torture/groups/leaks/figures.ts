/** What a process holds, once everything that can be collected was. Started with `--expose-gc`. */

import fs from "node:fs";

export interface ProcessFigures {
  /** File descriptors, sockets included. */
  descriptors: number;
  sockets: number;
  /** Handles and requests that keep the process alive: timers, sockets, child processes. */
  handles: number;
  heapBytes: number;
  /** Buffers and shared memory, beside the heap. */
  bufferBytes: number;
  residentBytes: number;
}

/** Collects all garbage, and lets what waits for that run: registries of what was collected, and what they call. */
export async function collectGarbage(): Promise<void> {
  const { gc } = globalThis;
  if (gc === undefined) {
    throw new Error("This needs node --expose-gc");
  }
  for (let round = 0; round < 2; round += 1) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  gc();
}

export function ownFigures(): ProcessFigures {
  const { heapUsed, external, rss } = process.memoryUsage();
  const links = fs.readdirSync("/proc/self/fd").flatMap((name) => {
    try {
      return [fs.readlinkSync(`/proc/self/fd/${name}`)];
    } catch {
      // The one with which the folder was read.
      return [];
    }
  });
  return {
    descriptors: links.length,
    sockets: links.filter((link) => link.startsWith("socket:")).length,
    handles: process.getActiveResourcesInfo().filter((kind) => kind !== "Immediate").length,
    heapBytes: heapUsed,
    // It includes array buffers.
    bufferBytes: external,
    residentBytes: rss,
  };
}

/** The processes that this one has started and that are still there. */
export function childCount(): number {
  const { pid } = process;
  const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return children.split(" ").filter((child) => child !== "").length;
}
