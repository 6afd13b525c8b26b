/** What the program finds when it opens the database: nothing, a closed database, or one whose program was killed. */

import fs from "node:fs";
import path from "node:path";
import { readAll } from "../../../crash/processes/strikes/reading.js";
import type { Random } from "../../../support/random.js";
import type { TortureContext } from "../../group.js";
import { History } from "../../scenario/history.js";
import { Life } from "../../scenario/life.js";
import { lifeOptions } from "../../scenario/plan.js";

export const baseNames = ["none", "closed", "killed"] as const;
export type BaseName = (typeof baseNames)[number];

export interface Base {
  name: BaseName;
  /** Undefined: there is no database yet. */
  folder: string | undefined;
  entries: Map<string, string>;
}

const rounds = 5;

export async function makeBase(name: BaseName, context: TortureContext, random: Random): Promise<Base> {
  if (name === "none") {
    return { name, folder: undefined, entries: new Map() };
  }
  const root = context.folder();
  const folder = path.join(root, "db");
  const history = new History();
  const life = new Life(
    {
      storeUrl: context.storeUrl,
      folder,
      runtimeFolder: root,
      notes: root,
      seed: random.next32(),
      rounds,
      waits: name === "killed",
      tellsAll: false,
      starters: {},
      under: [],
      environment: {},
    },
    history,
  );
  const { unopened } = await life.run();
  if (unopened !== undefined) {
    throw new Error(`A database without any fault could not be made: ${unopened}`);
  }
  // What is there is read from a copy: the base stays as it was left.
  const copy = path.join(root, "copy");
  fs.cpSync(folder, copy, { recursive: true });
  const db = await context.store.FastKV.open<string>(copy, { ...lifeOptions, runtimeFolder: root });
  const entries = history.check(await readAll(db));
  await db.close();
  return { name, folder, entries };
}
