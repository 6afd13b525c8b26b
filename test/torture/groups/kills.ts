/** Group 1: real processes die of SIGKILL at random moments of a mixed load. */

import type { TortureContext, TortureGroup, TortureOutcome } from "../group.js";
import { type KillCounts, KilledDatabase } from "./kills/killed-database.js";

/** How many kills a database sees before the next one is made. */
const killsOfDatabase = 30;

async function run(context: TortureContext): Promise<TortureOutcome> {
  const counts: KillCounts = {
    shard: 0,
    "several shards": 0,
    coordinator: 0,
    everything: 0,
    "while opening": 0,
    lives: 0,
    verified: 0,
  };
  const kills = (): number =>
    counts.shard + counts["several shards"] + counts.coordinator + counts.everything;
  const isOver = (): boolean => performance.now() >= context.deadlineMs || kills() >= context.cases;
  while (!isOver()) {
    const until = kills() + killsOfDatabase;
    const database = new KilledDatabase(context, counts);
    await database.torture(() => isOver() || kills() >= until);
    context.progress(`${kills()} kills`);
  }
  return { cases: kills(), counts: { ...counts } };
}

export const kills: TortureGroup = {
  name: "kills",
  title: "kill -9 of a shard, several shards, the coordinator, or all, at random moments of a mixed load",
  run,
};
