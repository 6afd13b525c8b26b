/** Group 4, on real file systems under real processes, where the machine allows mounts. */

import type { TortureContext, TortureGroup, TortureOutcome } from "../group.js";
import { fileSystemKinds, Unsupported } from "./power-cut-real/loop-disk.js";
import { cutMounted } from "./power-cut-real/mounted.js";

async function run(context: TortureContext): Promise<TortureOutcome> {
  const counts: Record<string, number> = {};
  const skipped: string[] = [];
  for (const [at, kind] of fileSystemKinds.entries()) {
    const nowMs = performance.now();
    const shareMs = (context.deadlineMs - nowMs) / (fileSystemKinds.length - at);
    // Each draws for itself, so that it replays however far the other came.
    const share = { ...context, random: context.random.fork(), deadlineMs: nowMs + shareMs };
    try {
      counts[kind] = await cutMounted(share, kind);
    } catch (error) {
      if (!(error instanceof Unsupported)) {
        throw error;
      }
      skipped.push(`${kind}: ${error.message}`);
    }
  }
  const cases = Object.values(counts).reduce((sum, cuts) => sum + cuts, 0);
  return { cases, counts, ...(skipped.length > 0 ? { skipped: skipped.join("; ") } : {}) };
}

export const powerCutReal: TortureGroup = {
  name: "power-cut-real",
  title: "the power of a mounted ext4 and XFS goes under real processes",
  run,
};
