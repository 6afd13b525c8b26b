/** Group 4, on the simulated disk, which forgets more than any file system does. */

import { CrashSearch } from "../../crash/simulated/crash-search.js";
import type { TortureContext, TortureGroup, TortureOutcome } from "../group.js";

async function run(context: TortureContext): Promise<TortureOutcome> {
  const search = new CrashSearch();
  const { table } = search;
  const isOver = (): boolean => performance.now() >= context.deadlineMs || table.crashes >= context.cases;
  let workloads = 0;
  while (!isOver()) {
    await search.run(context.random.fork(), isOver);
    workloads += 1;
  }
  const counts = {
    workloads,
    steps: table.counts.size,
    batches: search.total("batchesOverAllShards"),
    loads: search.total("loads"),
    clears: search.total("clears"),
  };
  return { cases: table.crashes, counts };
}

export const powerCut: TortureGroup = {
  name: "power-cut",
  title: "the power goes at any call on a simulated disk, which forgets whatever was not synced",
  run,
};
