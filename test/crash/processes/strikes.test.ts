import fs from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { useStores } from "../../api/support/stores.js";
import { rounds } from "../../model/rounds.js";
import { itWithRandom, type Random } from "../../support/random.js";
import { runCycle } from "./strikes/cycle.js";
import { Promised } from "./strikes/promised.js";
import { agreed, readAll } from "./strikes/reading.js";
import {
  mainSteps,
  moments,
  rareSteps,
  type Step,
  type Strike,
  steps,
  type Victim,
  victims,
} from "./strikes/strike.js";
import { shards } from "./strikes/workload.js";

/** A strike may miss: what it waits for need not come often enough in one life of the program. */
const attempts = 4;

describe("kill -9 in each step of the work", function () {
  this.timeout(120_000 * rounds);
  const stores = useStores();
  const table = new Map(steps.map((step) => [step, { shard: 0, coordinator: 0, everything: 0 }]));

  function planOf(step: Step, victim: Victim, attempt: number, random: Random): Strike {
    const nth = rareSteps.has(step) || attempt > 0 ? 1 : random.between(1, 4);
    return { step, victim, moment: random.pick(moments), nth, shard: random.int(shards) };
  }

  for (const [place, victim] of victims.entries()) {
    itWithRandom(`of ${victim === "everything" ? victim : `the ${victim}`} loses nothing`, async (random) => {
      const { root, folder } = stores();
      // Not the one that is looked at after each test: where this one fails, a dead program's socket is still there.
      const runtimeFolder = path.join(root, "sockets");
      fs.mkdirSync(runtimeFolder);
      const promised = new Promised();
      let cycles = 0;
      const strike = async (step: Step): Promise<void> => {
        for (let attempt = 0; attempt < attempts; attempt++) {
          cycles += 1;
          const plan = {
            folder,
            runtimeFolder,
            notes: path.join(root, `notes-${cycles}`),
            seed: random.next32(),
            strike: planOf(step, victim, attempt, random),
          };
          const struck = await runCycle(plan, promised).catch((error: Error) => {
            error.message += ` [cycle ${cycles}: ${JSON.stringify(plan.strike)}]`;
            throw error;
          });
          if (struck !== undefined) {
            table.get(struck)![victim] += 1;
            return;
          }
        }
      };
      for (let round = 0; round < rounds; round++) {
        const others = steps.filter((step) => !mainSteps.includes(step));
        const own = others.filter((_, at) => (at + round) % victims.length === place);
        // The identity is written when the database is made: the first life is for it.
        const isFirst = (step: Step): number => (step === "identity file" ? 0 : 1);
        const ordered = random.shuffle([...mainSteps, ...own]).sort((a, b) => isFirst(a) - isFirst(b));
        for (const step of ordered) {
          await strike(step);
        }
      }
      const db = await stores().open<string>({ runtimeFolder });
      const findings = await readAll(db);
      promised.check(findings);
      await db.compact();
      expect(agreed(await readAll(db))).to.deep.equal(agreed(findings));
      await db.close();
      expect(fs.readdirSync(runtimeFolder)).to.deep.equal([]);
    });
  }

  after("every step was struck", () => {
    if (process.env.FASTKV_TEST_CRASH_TABLE !== undefined) {
      const rows = [...table].map(([step, { shard, coordinator, everything }]) =>
        [shard, coordinator, everything]
          .map((count) => String(count).padStart(6))
          .join("")
          .concat(`  ${step}`),
      );
      process.stdout.write(` shard coord.  both  killed in\n${rows.join("\n")}\n`);
    }
    const missed = [...table].flatMap(([step, counts]) => {
      const wanted = mainSteps.includes(step) ? victims.filter((victim) => counts[victim] === 0) : [];
      const total = counts.shard + counts.coordinator + counts.everything;
      return total === 0 ? [step] : wanted.map((victim) => `${step} (${victim})`);
    });
    expect(missed, "steps without a kill").to.deep.equal([]);
  });
});
