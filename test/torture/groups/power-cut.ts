/** Group 4: the power goes. On a simulated disk always, on real file systems where the machine allows mounts. */

import type { TortureContext, TortureGroup, TortureOutcome } from "../group.js";
import { fileSystemKinds, Unsupported } from "./power-cut/loop-disk.js";
import { cutMounted } from "./power-cut/mounted.js";
import { cutSimulated } from "./power-cut/simulated.js";

async function run(context: TortureContext): Promise<TortureOutcome> {
  const counts: Record<string, number> = {};
  const skipped: string[] = [];
  for (const [at, kind] of fileSystemKinds.entries()) {
    // An even share of the time that is left, the simulated disk's included.
    const nowMs = performance.now();
    const shareMs = (context.deadlineMs - nowMs) / (fileSystemKinds.length - at + 1);
    try {
      counts[`${kind} cuts`] = await cutMounted(context, kind, nowMs + shareMs);
    } catch (error) {
      if (!(error instanceof Unsupported)) {
        throw error;
      }
      skipped.push(`${kind}: ${error.message}`);
    }
  }
  Object.assign(counts, await cutSimulated(context));
  const cases = Object.entries(counts).reduce((sum, [what, n]) => (what.endsWith("cuts") ? sum + n : sum), 0);
  return { cases, counts, ...(skipped.length > 0 ? { skipped: skipped.join("; ") } : {}) };
}

export const powerCut: TortureGroup = {
  name: "power-cut",
  title: "the power goes: what was synced is there, and each shard holds a prefix",
  run,
};
