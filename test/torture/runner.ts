/** Runs one group of the suite: gives it its seed, its time and its folders, and says how it went. */

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import * as store from "../../coordinator/index.js";
import { hashBytes } from "../../shared/hash.js";
import { Random } from "../support/random.js";
import { removeTemporaryFolder } from "../support/temporary-folder.js";
import type { Part } from "./arguments.js";
import type { TortureContext, TortureGroup, TortureOutcome } from "./group.js";

/** A group that has begun its last case is given so long to end it; then it hangs. */
const graceMs = 90_000;

/** Each group has a seed of its own, so that one replays alone. */
export function seedOf(seed: number, groupName: string): number {
  const bytes = Buffer.from(`${seed}:${groupName}`);
  return hashBytes(bytes, 0, bytes.length);
}

export interface GroupLimits {
  readonly seed: number;
  readonly seconds: number;
  readonly cases: number;
  readonly part: Part;
}

/** What came of a group. */
export interface GroupReport {
  readonly outcome: TortureOutcome | undefined;
  readonly failure: unknown;
  readonly tookMs: number;
  /** Folders that were left for a look at them. */
  readonly kept: readonly string[];
}

/** Never rejects. */
export async function runGroup(group: TortureGroup, limits: GroupLimits): Promise<GroupReport> {
  const folders: string[] = [];
  const startMs = performance.now();
  const context: TortureContext = {
    store,
    storeUrl: new URL("../../coordinator/index.js", import.meta.url).href,
    random: new Random(seedOf(limits.seed, group.name)),
    deadlineMs: startMs + limits.seconds * 1000,
    cases: limits.cases,
    part: limits.part,
    folder() {
      const folder = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), `fastkv-torture-${group.name}-`));
      folders.push(folder);
      return folder;
    },
    progress: (text) => void process.stderr.write(`  ${group.name}: ${text}\n`),
  };
  try {
    const outcome = await watched(group.run(context), limits.seconds * 1000 + graceMs);
    folders.forEach(removeTemporaryFolder);
    return { outcome, failure: undefined, tookMs: performance.now() - startMs, kept: [] };
  } catch (failure) {
    return { outcome: undefined, failure, tookMs: performance.now() - startMs, kept: folders };
  }
}

/** Rejects where the work takes too long, and where something fails that nobody waits for. */
function watched<T>(work: Promise<T>, limitMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => end(() => reject(new Error(`It hangs: no end after ${limitMs} ms`))),
      limitMs,
    );
    const onStray = (error: unknown): void => end(() => reject(error));
    const end = (then: () => void): void => {
      clearTimeout(timer);
      process.off("uncaughtException", onStray);
      process.off("unhandledRejection", onStray);
      then();
    };
    process.on("uncaughtException", onStray);
    process.on("unhandledRejection", onStray);
    work.then(
      (value) => end(() => resolve(value)),
      (error: unknown) => end(() => reject(error)),
    );
  });
}
