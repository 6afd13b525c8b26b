/** Disks and processes that stand still, and shards that cannot live. */

import { spawnSync } from "node:child_process";
import type { TortureContext, TortureGroup, TortureOutcome } from "../group.js";
import { canMountImages, ownMounts, runScenario } from "../scenario/scenario.js";
import { type HangOrder, hangNames, hangVariable } from "./hangs/order.js";

const program = new URL("./hangs/program.js", import.meta.url);
const patienceMs = 80_000;

async function run(context: TortureContext): Promise<TortureOutcome> {
  const { random, storeUrl } = context;
  const mounts = canMountImages() ? ownMounts() : undefined;
  const canFreeze = mounts !== undefined && spawnSync("fsfreeze", ["-V"]).error === undefined;
  const names = hangNames.filter((name) => canFreeze || name !== "frozen disk");
  const counts: Record<string, number> = {};
  let cases = 0;
  while (cases < context.cases && performance.now() < context.deadlineMs) {
    const hang = names[cases % names.length]!;
    const order: HangOrder = { storeUrl, root: context.folder(), hang, seed: random.next32() };
    const seen = await runScenario({
      program,
      under: hang === "frozen disk" ? mounts! : [],
      environment: { [hangVariable]: JSON.stringify(order) },
      patienceMs,
    }).catch((error: Error) => {
      throw new Error(`${error.message} [case ${cases}, in ${order.root}: ${hang}]`);
    });
    cases += 1;
    counts[hang] = (counts[hang] ?? 0) + 1;
    for (const [what, count] of Object.entries(seen)) {
      const name = `${hang}: ${what}`;
      const isMost = / in ms$|^most /.test(what);
      counts[name] = isMost ? Math.max(counts[name] ?? 0, count) : (counts[name] ?? 0) + count;
    }
    context.progress(`${cases} cases`);
  }
  return canFreeze
    ? { cases, counts }
    : { cases, counts, skipped: "no ext4 image can be mounted and frozen here" };
}

export const hangs: TortureGroup = {
  name: "hangs",
  title: "disks and processes that stand still, and shards that cannot live",
  run,
};
