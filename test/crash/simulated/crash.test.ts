import { expect } from "chai";
import { rounds } from "../../model/rounds.js";
import { chooseSeed, Random } from "../../support/random.js";
import type { CrashMode } from "../../support/simulated-file-system.js";
import { type CrashPlan, CrashRun } from "./crash-run.js";
import { CrashTable, steps } from "./steps.js";
import type { Touched } from "./workload.js";

const stepsOfWorkload = 40;
const crashesOfWorkload = 36;
const modes: CrashMode[] = ["any", "any", "prefix", "dropAll", "keepAll"];

describe("the store after a crash of the machine", () => {
  const table = new CrashTable();
  const touched: Touched[] = [];

  /** The rare steps as often as the common ones: a place among the calls for each step, then any places. */
  function placesOf(calls: readonly (string | undefined)[], random: Random): number[] {
    const places = random.shuffle([...steps]).flatMap((step) => {
      const those = calls.flatMap((found, at) => (found === step ? [at + 1] : []));
      return those.length === 0 ? [] : [random.pick(those)];
    });
    while (places.length < crashesOfWorkload) {
      places.push(random.between(1, calls.length));
    }
    return places;
  }

  async function attempt(plan: CrashPlan): Promise<CrashRun> {
    const run = new CrashRun(plan, table);
    try {
      await run.run();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(`${message} [${JSON.stringify(plan)}]\n${run.trace()}`, { cause: error });
    }
    touched.push(...run.touched);
    return run;
  }

  for (let round = 0; round < 4 * rounds; round++) {
    it(`is a state that the promises allow, wherever it strikes (workload ${round + 1})`, async () => {
      const random = new Random(chooseSeed() + round);
      const shards = random.pick([2, 3]);
      const seed = random.next32();
      const plan = { seed, shards, steps: stepsOfWorkload, mode: "any" as CrashMode };
      const { calls } = await attempt({ ...plan, at: undefined, againAt: undefined });
      for (const at of placesOf(calls, random)) {
        const againAt = random.chance(0.3) ? random.between(1, 120) : undefined;
        await attempt({ ...plan, at, mode: random.pick(modes), againAt });
      }
    });
  }

  after("every step was struck", () => {
    if (process.env.FASTKV_TEST_CRASH_TABLE !== undefined) {
      process.stdout.write(`${table.crashes} crashes\n${table.toString()}\n`);
    }
    expect(table.missing(), "steps without a crash").to.deep.equal([]);
    expect(touched.reduce((sum, one) => sum + one.batchesOverAllShards, 0)).to.be.above(20);
    expect(touched.reduce((sum, one) => sum + one.loads, 0)).to.be.above(5);
    expect(touched.reduce((sum, one) => sum + one.clears, 0)).to.be.above(5);
  });
});
