/** Group 4: the power goes. On a simulated disk always, on real file systems where the machine allows mounts. */

import type { TortureContext, TortureGroup, TortureOutcome } from "../group.js";
import { fileSystemKinds, Unsupported } from "./power-cut/loop-disk.js";
import { cutMounted } from "./power-cut/mounted.js";
import { cutSimulated } from "./power-cut/simulated.js";

async function run(context: TortureContext): Promise<TortureOutcome> {
  const counts: Record<string, number> = {};
  const skipped: string[] = [];
  const endMs = context.deadlineMs;
  /** An even share of the time that is left for so many parts. */
  const shareOf = (parts: number): TortureContext => {
    const nowMs = performance.now();
    // Each part draws for itself, so that it replays however far the others came.
    return { ...context, random: context.random.fork(), deadlineMs: nowMs + (endMs - nowMs) / parts };
  };
  Object.assign(counts, await cutSimulated(shareOf(fileSystemKinds.length + 1)));
  for (const [at, kind] of fileSystemKinds.entries()) {
    try {
      counts[`${kind} cuts`] = await cutMounted(shareOf(fileSystemKinds.length - at), kind);
    } catch (error) {
      if (!(error instanceof Unsupported)) {
        throw error;
      }
      skipped.push(`${kind}: ${error.message}`);
    }
  }
  const cases = Object.entries(counts).reduce((sum, [what, n]) => (what.endsWith("cuts") ? sum + n : sum), 0);
  return { cases, counts, ...(skipped.length > 0 ? { skipped: skipped.join("; ") } : {}) };
}

export const powerCut: TortureGroup = {
  name: "power-cut",
  title: "the power goes: what was synced is there, and each shard holds a prefix",
  run,
};
