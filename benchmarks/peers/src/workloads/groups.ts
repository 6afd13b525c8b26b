/** All workloads, in the order in which they run. */

import type { Group } from "./group.js";
import { loadGroup } from "./loads.js";
import { mixedGroup, pausesGroup } from "./mixed.js";
import { openGroup, reopenGroup } from "./opening.js";
import { prepareGroup, prepareYcsbGroup } from "./prepare.js";
import { cachedReadGroup, readGroup } from "./reads.js";
import { syncedWriteGroup, writeGroup } from "./writes.js";
import { ycsbGroup } from "./ycsb.js";

export const groups: readonly Group[] = [
  prepareGroup,
  prepareYcsbGroup,
  loadGroup,
  writeGroup,
  syncedWriteGroup,
  readGroup,
  cachedReadGroup,
  mixedGroup,
  ycsbGroup,
  openGroup,
  reopenGroup,
  pausesGroup,
];

export function groupOf(name: string): Group {
  return groups.find((group) => group.name === name)!;
}

/**
 * The groups with their chosen workloads. A name is that of a workload or a group, or the beginning of one (`get-`).
 *
 * @param names if empty: all except those that run on request only
 */
export function chosenGroups(names: readonly string[]): { group: Group; workloads: string[] }[] {
  for (const name of names) {
    if (!groups.some((group) => group.name === name || group.workloads.some((one) => one.startsWith(name)))) {
      throw new Error(
        `There is no workload "${name}"; there are ${groups.flatMap((group) => group.workloads).join(", ")}`,
      );
    }
  }
  const isMeant = (group: Group, workload: string): boolean =>
    names.length === 0
      ? group.onlyOnRequest !== true
      : names.some((name) => name === group.name || workload === name || isBeginning(name, workload));
  return groups
    .map((group) => ({ group, workloads: group.workloads.filter((workload) => isMeant(group, workload)) }))
    .filter(({ workloads }) => workloads.length > 0);
}

function isBeginning(name: string, workload: string): boolean {
  return name.endsWith("-") && workload.startsWith(name);
}
