/** A sample of the cases on real files, with real processes. */

import fs from "node:fs";
import path from "node:path";
import { storeFolder } from "../../../support/simulated-store.js";
import type { TortureContext } from "../../group.js";
import type { Base } from "./base.js";
import { casesOf, type DamageCase, damagedContent, describe } from "./cases.js";
import { expectationOf } from "./exhaustive.js";
import { checkDamageError, readEverything, type Verdict } from "./read-everything.js";

export async function sampleRealFiles(
  context: TortureContext,
  bases: readonly Base[],
  isOver: () => boolean,
): Promise<Record<string, number>> {
  const { random } = context;
  const cases = bases.flatMap((base) => casesOf(base, random, false));
  const parent = context.folder();
  const counts: Record<string, number> = { "real files": 0 };
  while (!isOver()) {
    const damage = random.pick(cases);
    const folder = path.join(parent, `store-${counts["real files"]}`);
    try {
      const verdict = await check(context, damage, folder);
      counts[`real files, ${verdict}`] = (counts[`real files, ${verdict}`] ?? 0) + 1;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(`real files in ${folder}, ${describe(damage)}: ${message}`, { cause: error });
    }
    fs.rmSync(folder, { recursive: true });
    counts["real files"]! += 1;
  }
  return counts;
}

async function check(context: TortureContext, damage: DamageCase, folder: string): Promise<Verdict> {
  const realPath = (file: string): string => folder + file.slice(storeFolder.length);
  for (const file of damage.base.disk.files()) {
    fs.mkdirSync(path.dirname(realPath(file)), { recursive: true, mode: 0o700 });
    fs.writeFileSync(realPath(file), damage.base.disk.contentOf(file), { mode: 0o600 });
  }
  const content = damagedContent(damage);
  const damaged = realPath(damage.path);
  if (content === undefined) {
    fs.rmSync(damaged);
  } else {
    fs.writeFileSync(damaged, content);
  }
  const expectation = {
    ...expectationOf(damage),
    checkError: (error: unknown) => checkDamageError(error, damaged, damage.kind === "flips"),
  };
  const open = () =>
    context.store.FastKV.open(folder, { readCacheSize: 0, scanCacheSize: 0, handleSignals: false });
  return readEverything(open, expectation, context.random.chance(0.25));
}
