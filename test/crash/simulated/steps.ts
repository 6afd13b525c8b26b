/** Names the step of the store's work that a call to the disk belongs to, and counts the crashes in each. */

import type { JobPurpose } from "../../support/in-process-launcher.js";
import type { DiskCall } from "../../support/simulated-file-system.js";

/** The steps in which a crash must have been tried. */
export const steps = [
  "WAL create",
  "WAL write",
  "WAL sync",
  "WAL remove",
  "batch log create",
  "batch log write",
  "batch log sync",
  "batch log rename",
  "batch log remove",
  "flush: table write",
  "flush: table sync",
  "flush: folder sync",
  "compaction: table write",
  "compaction: table sync",
  "compaction: folder sync",
  "bulk load: table write",
  "bulk load: table sync",
  "bulk load: folder sync",
  "table remove",
  "load file write",
  "load file sync",
  "load file rename",
  "load file remove",
  "manifest create",
  "manifest write",
  "manifest sync",
  "manifest remove",
  "CURRENT write",
  "CURRENT sync",
  "CURRENT rename",
  "shard folder sync",
  "database folder sync",
  "owner file",
  "identity file",
] as const;

export type Step = (typeof steps)[number];

function fileStep(kind: string, { operation }: DiskCall): string {
  return `${kind} ${operation}`;
}

/** The step of a mutating call; undefined for those that matter to none. */
export function stepOf(call: DiskCall, job: JobPurpose | undefined): Step | undefined {
  const name = call.path.slice(call.path.lastIndexOf("/") + 1);
  const known = new Set<string>(steps);
  const found = ((): string => {
    if (call.operation === "syncFolder") {
      const folder = /^shard-\d+$/.test(name) ? "shard folder sync" : "database folder sync";
      return job === undefined ? folder : `${job}: folder sync`;
    }
    if (name.startsWith("OWNER-")) {
      return "owner file";
    }
    if (name.startsWith("CURRENT")) {
      return fileStep("CURRENT", call);
    }
    if (name.startsWith("MANIFEST-")) {
      return fileStep("manifest", call);
    }
    if (name.startsWith("batch-log-")) {
      return fileStep("batch log", call);
    }
    if (name.endsWith(".wal")) {
      return fileStep("WAL", call);
    }
    if (name.includes(".load")) {
      return fileStep("load file", call);
    }
    if (name.endsWith(".sst")) {
      return fileStep(call.operation === "remove" || job === undefined ? "table" : `${job}: table`, call);
    }
    return "identity file";
  })();
  return known.has(found) ? (found as Step) : undefined;
}

/** How many crashes struck in each step. */
export class CrashTable {
  readonly counts = new Map<Step, number>();
  crashes = 0;

  note(step: Step | undefined): void {
    this.crashes += 1;
    if (step !== undefined) {
      this.counts.set(step, (this.counts.get(step) ?? 0) + 1);
    }
  }

  missing(): Step[] {
    return steps.filter((step) => !this.counts.has(step));
  }

  toString(): string {
    return steps.map((step) => `${String(this.counts.get(step) ?? 0).padStart(5)}  ${step}`).join("\n");
  }
}
