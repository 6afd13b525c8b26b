/** Looks for a crash that the store does not survive: workloads, each crashed in many places and ways. */

import type { Random } from "../../support/random.js";
import type { CrashMode } from "../../support/simulated-file-system.js";
import { type CrashPlace, type CrashPlan, CrashRun } from "./crash-run.js";
import { CrashTable, steps } from "./steps.js";
import type { Touched } from "./workload.js";

const stepsOfWorkload = 40;
const crashesOfWorkload = 36;
const modes: CrashMode[] = ["any", "any", "prefix", "dropAll", "keepAll"];
/** A run takes a fraction of a second. */
const patienceMs = 30_000;

export class CrashSearch {
  readonly table = new CrashTable();
  readonly touched: Touched[] = [];

  /** Crashes one workload again and again, until `isOver`. A failure's message has all that replays it. */
  async run(random: Random, isOver: () => boolean = () => false): Promise<void> {
    const shards = random.pick([2, 3]);
    const seed = random.next32();
    const plan = { seed, shards, steps: stepsOfWorkload, mode: "any" as CrashMode };
    const { calls } = await this.#attempt({ ...plan, at: undefined, againAt: undefined });
    for (const at of placesOf(calls, random)) {
      if (isOver()) {
        return;
      }
      const againAt = random.chance(0.3) ? random.between(1, 120) : undefined;
      await this.#attempt({ ...plan, at, mode: random.pick(modes), againAt });
    }
  }

  /** How many workloads touched something. */
  total(what: keyof Touched): number {
    return this.touched.reduce((sum, one) => sum + one[what], 0);
  }

  async #attempt(plan: CrashPlan): Promise<CrashRun> {
    const run = new CrashRun(plan, this.table);
    try {
      await withPatience(run.run());
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(`${message} [${JSON.stringify(plan)}]\n${run.trace()}`, { cause: error });
    }
    this.touched.push(...run.touched);
    return run;
  }
}

/** The rare steps as often as the common ones: a place among the calls for each step, then any places. */
function placesOf(calls: readonly (string | undefined)[], random: Random): CrashPlace[] {
  const places = random.shuffle([...steps]).flatMap((step): CrashPlace[] => {
    const count = calls.filter((found) => found === step).length;
    return count === 0 ? [] : [{ step, nth: random.between(1, count) }];
  });
  while (places.length < crashesOfWorkload) {
    places.push(random.between(1, calls.length));
  }
  return places;
}

async function withPatience(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`It hangs: no end after ${patienceMs} ms`)), patienceMs);
  });
  await Promise.race([work, limit]).finally(() => clearTimeout(timer));
}
