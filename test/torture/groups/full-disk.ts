/** Disks that have no room: for bytes, for files, for larger files, or only when it comes to the sync. */

import path from "node:path";
import type { TortureContext, TortureGroup, TortureOutcome } from "../group.js";
import { canMountImages, ownMounts, runScenario } from "../scenario/scenario.js";
import { type FullDiskOrder, fullDiskVariable } from "./full-disk/order.js";
import { type ShortageName, shortageNames } from "./full-disk/shortage.js";

const program = new URL("./full-disk/program.js", import.meta.url);
const patienceMs = 80_000;

/** Which shortages can be had here, and how; and why the others cannot. */
function possible(): { shortages: Map<ShortageName, readonly string[]>; missing: string[] } {
  const shortages = new Map<ShortageName, readonly string[]>([["file size", []]]);
  const missing: string[] = [];
  const mounts = ownMounts();
  if (mounts === undefined) {
    missing.push("no mounts are allowed here, not even in a namespace");
  } else {
    shortages.set("bytes", mounts).set("inodes", mounts);
  }
  if (mounts !== undefined && canMountImages()) {
    shortages.set("failing sync", mounts);
  } else {
    missing.push("no ext4 image can be mounted here: no sync fails");
  }
  return { shortages, missing };
}

async function run(context: TortureContext): Promise<TortureOutcome> {
  const { random, storeUrl } = context;
  const { shortages, missing } = possible();
  const names = shortageNames.filter((name) => shortages.has(name));
  const counts: Record<string, number> = {};
  let cases = 0;
  while (cases < context.cases && performance.now() < context.deadlineMs) {
    const shortage = names[cases % names.length]!;
    const order: FullDiskOrder = { storeUrl, root: context.folder(), shortage, seed: random.next32() };
    const seen = await runScenario({
      program,
      under: shortages.get(shortage)!,
      environment: { [fullDiskVariable]: JSON.stringify(order) },
      patienceMs,
    }).catch((error: Error) => {
      throw new Error(`${error.message} [case ${cases}, in ${path.basename(order.root)}: ${shortage}]`);
    });
    cases += 1;
    for (const [what, count] of Object.entries(seen)) {
      const name = `${shortage}: ${what}`;
      counts[name] = what.startsWith("slowest")
        ? Math.max(counts[name] ?? 0, count)
        : (counts[name] ?? 0) + count;
    }
    context.progress(`${cases} cases`);
  }
  for (const name of names) {
    if (cases >= 4 * names.length && counts[`${name}: cases with refusals`] === undefined) {
      throw new Error(`No case of "${name}" refused anything`);
    }
  }
  return missing.length === 0 ? { cases, counts } : { cases, counts, skipped: missing.join("; ") };
}

export const fullDisk: TortureGroup = {
  name: "full-disk",
  title: "disks without room, for real",
  run,
};
