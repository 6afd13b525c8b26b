/** Group 7: what concurrent clients see is linearizable, in the order of calls, and cuts are consistent. */

import type { DurabilityMode } from "../../../coordinator/index.js";
import type { TortureContext, TortureGroup, TortureOutcome } from "../group.js";
import {
  type Disturbance,
  HistoryCase,
  type HistoryCounts,
  type HistoryPlan,
} from "./histories/history-case.js";

const shardCounts = [1, 2, 5];
const durabilities: readonly DurabilityMode[] = ["none", "background", "sync"];
/** Off; so small that keys leave it all the time; the default. */
const cachesSizes = [0, 8 * 1024, 16 * 1024 * 1024];
/** Every fourth database loses a shard for good. */
const disturbances: readonly Disturbance[] = ["nothing", "kills", "kills", "gives up"];

const plans: readonly HistoryPlan[] = shardCounts
  .flatMap((shards) =>
    durabilities.flatMap((durability) =>
      cachesSizes.flatMap((cachesSize) =>
        disturbances.map((disturbance) => ({ shards, durability, cachesSize, disturbance })),
      ),
    ),
  )
  // What is acknowledged at once may be lost with a shard that is given up.
  .filter(({ durability, disturbance }) => durability !== "none" || disturbance !== "gives up");

/** What has to have happened in so many databases, or the group looked at nothing. */
const expectedOf: readonly { readonly cases: number; readonly what: keyof HistoryCounts }[] = [
  { cases: 10, what: "flushes" },
  { cases: 10, what: "compactions" },
  { cases: 10, what: "shard kills" },
  { cases: 30, what: "shards given up" },
  { cases: 30, what: "failed calls" },
  { cases: 10, what: "cache hits" },
  { cases: 10, what: "scan cache hits" },
];

async function run(context: TortureContext): Promise<TortureOutcome> {
  const counts: HistoryCounts = {
    puts: 0,
    deletes: 0,
    batches: 0,
    clears: 0,
    gets: 0,
    getManys: 0,
    scans: 0,
    cursors: 0,
    counts: 0,
    snapshots: 0,
    "shard kills": 0,
    "shards given up": 0,
    "failed calls": 0,
    "writes in doubt": 0,
    flushes: 0,
    compactions: 0,
    "cache hits": 0,
    "scan cache hits": 0,
    "writes checked": 0,
    "reads checked": 0,
    "keys checked": 0,
    "keys undecided": 0,
  };
  let cases = 0;
  let left: HistoryPlan[] = [];
  while (cases < context.cases && performance.now() < context.deadlineMs) {
    if (left.length === 0) {
      left = context.random.shuffle([...plans]);
    }
    await new HistoryCase(context, left.pop()!, counts).run();
    cases += 1;
    if (cases % 10 === 0) {
      context.progress(`${cases} histories`);
    }
  }
  for (const { cases: enough, what } of expectedOf) {
    if (cases >= enough && counts[what] === 0) {
      throw new Error(`In ${cases} histories there were no ${what}`);
    }
  }
  if (counts["keys undecided"] > counts["keys checked"] / 20) {
    throw new Error(`${counts["keys undecided"]} of ${counts["keys checked"]} keys were left undecided`);
  }
  return { cases, counts: { ...counts } };
}

export const histories: TortureGroup = {
  name: "histories",
  title: "concurrent clients, whose history must be linearizable, in call order, with consistent cuts",
  run,
};
