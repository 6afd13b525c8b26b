/** Power cuts of the simulated disk, which forgets more than any file system does. */

import { CrashSearch } from "../../../crash/simulated/crash-search.js";
import type { TortureContext } from "../../group.js";

export type SimulatedCuts = Readonly<Record<"workloads" | "simulated cuts", number>>;

export async function cutSimulated(context: TortureContext): Promise<SimulatedCuts> {
  const search = new CrashSearch();
  let workloads = 0;
  const isOver = (): boolean =>
    performance.now() >= context.deadlineMs || search.table.crashes >= context.cases;
  while (!isOver()) {
    await search.run(context.random.fork(), isOver);
    workloads += 1;
  }
  return { workloads, "simulated cuts": search.table.crashes };
}
