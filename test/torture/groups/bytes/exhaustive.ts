/** All cases, one after the other, over shards in this process and a disk in memory. */

import { repairIn } from "../../../../coordinator/maintenance/repair.js";
import { verifyIn } from "../../../../coordinator/maintenance/verify.js";
import type { Change } from "../../../crash/simulated/oracle.js";
import { InProcessLauncher } from "../../../support/in-process-launcher.js";
import type { Random } from "../../../support/random.js";
import {
  maintenanceOn,
  openSimulated,
  SteppedClock,
  storeFolder,
  tinySettings,
} from "../../../support/simulated-store.js";
import { type Base, keyOf, makeBases } from "./base.js";
import { apply, casesOf, type DamageCase, describe, extentOf } from "./cases.js";
import { checkDamageError, type Expectation, readEverything, type Verdict } from "./read-everything.js";
import { checkSequences, lossRule } from "./tail-rule.js";

/** One case takes a few milliseconds. */
const patienceMs = 30_000;
const compactionEvery = 16;

export class ExhaustiveSearch {
  readonly counts: Record<string, number> = {};
  readonly bases: readonly Base[];
  readonly #cases: readonly DamageCase[];
  #done = 0;

  private constructor(bases: readonly Base[], cases: readonly DamageCase[]) {
    this.bases = bases;
    this.#cases = cases;
  }

  /** All cases, or those that are wanted, in an order that is drawn: so little time gives a fair sample. */
  static async make(
    random: Random,
    allBits: boolean,
    isWanted: (one: DamageCase) => boolean = () => true,
  ): Promise<ExhaustiveSearch> {
    const bases = await makeBases(random.fork());
    bases.forEach(checkSequences);
    const cases = bases.flatMap((base) => casesOf(base, random, allBits)).filter(isWanted);
    return new ExhaustiveSearch(bases, random.shuffle(cases));
  }

  get done(): number {
    return this.#done;
  }

  get total(): number {
    return this.#cases.length;
  }

  /** Goes on until all are done or `isOver`. Throws at the first broken promise. */
  async run(isOver: () => boolean): Promise<void> {
    while (this.#done < this.#cases.length && !isOver()) {
      const damage = this.#cases[this.#done]!;
      this.#done += 1;
      try {
        const verdict = await withPatience(check(damage, this.#done % compactionEvery === 0));
        this.#note(damage.kind, verdict);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        throw new Error(`${describe(damage)}: ${message}`, { cause: error });
      }
    }
  }

  #note(kind: string, verdict: Verdict): void {
    for (const what of [kind, verdict]) {
      this.counts[what] = (this.counts[what] ?? 0) + 1;
    }
  }
}

async function check(damage: DamageCase, withCompaction: boolean): Promise<Verdict> {
  const { base } = damage;
  const disk = base.disk.crash(undefined, "dropAll");
  apply(disk, damage);
  const clock = new SteppedClock();
  clock.nowMs = base.nowMs;
  const launcher = new InProcessLauncher(disk, { settings: tinySettings });
  const open = async () => {
    const { db } = await openSimulated(disk, clock, { readCacheSize: 0, scanCacheSize: 0 }, launcher);
    return db;
  };
  const verdict = await readEverything(open, expectationOf(damage), withCompaction);
  await launcher.close();
  // A damaged owner file is removed by hand, as the error says.
  if (verdict === "refused at open" && !damage.path.includes("/OWNER-")) {
    await checkRefused(damage);
  }
  return verdict;
}

/** What cannot be opened, `verify` finds damaged; what `repair` makes of it opens, and has nothing that was never written. */
async function checkRefused(damage: DamageCase): Promise<void> {
  const { base } = damage;
  const disk = base.disk.crash(undefined, "dropAll");
  apply(disk, damage);
  const { isSound } = await verifyIn(storeFolder, maintenanceOn(disk));
  if (isSound) {
    throw new Error("WRONG: verify calls sound what cannot be opened");
  }
  const { after } = await repairIn(storeFolder, maintenanceOn(disk));
  if (!after.isSound) {
    throw new Error("WRONG: a repaired database is still damaged");
  }
  const clock = new SteppedClock();
  clock.nowMs = base.nowMs;
  const { db } = await openSimulated(disk, clock, {});
  for (const [key, value] of await db.scan().toArray()) {
    if (!base.oracle.writes.some(({ changes }) => changes.some((one) => isPut(one, key, value)))) {
      throw new Error(`WRONG ANSWER: ${key} = ${value} was never written, and is there after a repair`);
    }
  }
  await db.close();
}

function isPut(change: Change, key: string, value: unknown): boolean {
  return change.type === "put" && change.key === key && change.value === value;
}

export function expectationOf(damage: DamageCase): Expectation {
  const { base, kind, path } = damage;
  const visible = [...base.model.visible(base.nowMs)].map(([key, { value }]): [string, string] => [
    key,
    value,
  ]);
  const keys = new Set(
    base.oracle.writes.flatMap(({ changes }) => changes.map((one) => ("key" in one ? one.key : ""))),
  );
  return {
    keys: [...keys, keyOf(900), "nobody"].filter((key) => key !== ""),
    contents: new Map(visible),
    judge: lossRule(base, extentOf(damage)),
    checkError: (error) => checkDamageError(error, path, kind === "flips"),
  };
}

async function withPatience<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`It hangs: no end after ${patienceMs} ms`)), patienceMs);
  });
  return Promise.race([work, limit]).finally(() => clearTimeout(timer));
}
