/**
 * The torture suite: `npm run test:torture -- [--seconds N] [--seed N] [--group NAME]... [--cases N] [--part K/N]
 * [--plant NAME|all]`.
 * Exit code 0: nothing was found; 1: a promise is broken, or a planted bug was missed; 2: the arguments are wrong.
 */

import { randomInt } from "node:crypto";
import { parseArguments, type TortureArguments, UsageError, usage } from "./arguments.js";
import type { TortureGroup, TortureOutcome } from "./group.js";
import { groups } from "./groups/index.js";
import { findPlants } from "./planted/bugs.js";
import { provePlants } from "./planted/prove.js";
import { runGroup } from "./runner.js";

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function chosenGroups(names: readonly string[]): TortureGroup[] {
  for (const name of names) {
    if (!groups.some((group) => group.name === name)) {
      const known = groups.map((group) => group.name).join(", ");
      throw new UsageError(`There is no group "${name}"; there are ${known}`);
    }
  }
  return groups.filter((group) => names.length === 0 || names.includes(group.name));
}

function summary({ cases, counts, skipped }: TortureOutcome): string {
  const parts = Object.entries(counts).map(([what, count]) => `${what} ${count}`);
  const left = skipped === undefined ? "" : ` [skipped: ${skipped}]`;
  return `${cases} cases (${parts.join(", ")})${left}`;
}

/** Runs groups one after the other; each has an even share of the time that is left. Whether all went well. */
async function runGroups(
  chosen: readonly TortureGroup[],
  given: TortureArguments,
  seed: number,
): Promise<boolean> {
  say(`seed ${seed}`);
  const endMs = performance.now() + given.seconds * 1000;
  let isFine = true;
  for (const [at, group] of chosen.entries()) {
    const leftMs = Math.max(1000, endMs - performance.now());
    const seconds = Math.max(1, Math.round(leftMs / 1000 / (chosen.length - at)));
    const { outcome, failure, tookMs, kept } = await runGroup(group, {
      seed,
      seconds,
      cases: given.cases,
      part: given.part,
    });
    const took = `${(tookMs / 1000).toFixed(1)} s`;
    if (outcome !== undefined) {
      say(`${group.name}: ${summary(outcome)} in ${took}`);
      continue;
    }
    isFine = false;
    const cases = Number.isFinite(given.cases) ? ` --cases ${given.cases}` : "";
    say(`FAILED ${group.name} (${group.title}) with seed ${seed} after ${took}`);
    say(failure instanceof Error ? (failure.stack ?? failure.message) : String(failure));
    const part = given.part.of === 1 ? "" : ` --part ${given.part.number}/${given.part.of}`;
    say(
      `replay: npm run test:torture -- --group ${group.name} --seed ${seed} --seconds ${seconds}${cases}${part}`,
    );
    for (const folder of kept) {
      say(`kept: ${folder}`);
    }
  }
  return isFine;
}

async function main(): Promise<number> {
  const given = parseArguments(process.argv.slice(2));
  const chosen = chosenGroups(given.groups);
  if (given.plant === undefined) {
    return (await runGroups(chosen, given, given.seed ?? randomInt(0x1_0000_0000))) ? 0 : 1;
  }
  const plants = findPlants(given.plant);
  if (plants.length === 0) {
    throw new UsageError(`There is no planted bug "${given.plant}"`);
  }
  return (await provePlants(plants, say)) ? 0 : 1;
}

try {
  // A group that failed may have left processes and timers behind: they do not keep the suite.
  process.exit(await main());
} catch (error) {
  if (!(error instanceof UsageError)) {
    throw error;
  }
  process.stderr.write(`${error.message}\n\n${usage}`);
  process.exit(2);
}
