/** One life of the program with a fault, and what must hold after it. */

import fs from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { perform } from "../../../crash/processes/strikes/perform.js";
import { readAll } from "../../../crash/processes/strikes/reading.js";
import type { Random } from "../../../support/random.js";
import { removeTemporaryFolder } from "../../../support/temporary-folder.js";
import type { TortureContext } from "../../group.js";
import { History } from "../../scenario/history.js";
import { Life, type LifeEnd, type LifePlan } from "../../scenario/life.js";
import { lifeOptions, roundsOf } from "../../scenario/plan.js";
import type { Base } from "./bases.js";

/** A write, a flush, a bulk load and a compaction are among them. */
const rounds = 4;

/** The database that was mended by its opening is examined once more in so many cases. */
const finalCheckChance = 0.25;

/** Every case has its own folder with the base in it. */
export class CaseFolder {
  readonly root: string;
  readonly database: string;

  constructor(root: string, base: Base) {
    this.root = root;
    this.database = path.join(root, "db");
    removeTemporaryFolder(root);
    fs.mkdirSync(root);
    if (base.folder !== undefined) {
      fs.cpSync(base.folder, this.database, { recursive: true });
    }
  }

  file(name: string): string {
    return path.join(this.root, name);
  }

  has(name: string): boolean {
    return fs.existsSync(this.file(name));
  }
}

export type FaultyLife = Pick<LifePlan, "under" | "starters" | "environment" | "seed" | "tellsAll">;

/** Runs the program; the history knows what it was told. */
export async function runLife(
  context: TortureContext,
  folder: CaseFolder,
  base: Base,
  faulty: FaultyLife,
): Promise<{ history: History; end: LifeEnd }> {
  const history = new History(base.entries);
  const life = new Life(
    {
      ...faulty,
      storeUrl: context.storeUrl,
      folder: folder.database,
      runtimeFolder: folder.root,
      notes: folder.root,
      rounds,
      waits: false,
    },
    history,
  );
  const end = await life.run();
  if (end.isClosed) {
    history.noteClosed();
  }
  if (end.findings !== undefined) {
    history.check(end.findings);
  }
  return { history, end };
}

/** What must hold afterwards: nothing damaged, nothing lost, nothing invented, and the work goes on. */
export async function checkAfterwards(
  context: TortureContext,
  folder: CaseFolder,
  { history, end, base }: { history: History; end: LifeEnd; base: Base },
  random: Random,
): Promise<void> {
  const { FastKV, FastKVError } = context.store;
  const runtimeFolder = folder.root;
  await expectSound(context, folder).catch((error: unknown) => {
    // The opening failed before there was a database.
    const isNone = base.folder === undefined && !end.isOpened;
    const codes = ["FASTKV_NOT_FOUND", "FASTKV_NOT_A_DATABASE"];
    const isExpected = isNone && error instanceof FastKVError && codes.includes(error.code);
    if (!isExpected) {
      throw error;
    }
  });
  const db = await FastKV.open<string>(folder.database, { ...lifeOptions, runtimeFolder });
  try {
    const found = history.check(await readAll(db));
    if (end.isClosed && end.findings !== undefined) {
      expect([...found], "the reopened database").to.deep.equal(end.findings.entries);
    }
    history.startFrom(found);
    const order = { seed: random.next32(), rounds: 2, tellsAll: false };
    for (const calls of roundsOf(order)) {
      const settles = calls.map((call) => history.begin(call));
      await Promise.all(calls.map((call) => perform(db, call)));
      for (const settle of settles) {
        settle({ kind: "ack" });
      }
    }
    history.check(await readAll(db));
  } finally {
    await db.close();
  }
  if (random.chance(finalCheckChance)) {
    await expectSound(context, folder);
  }
}

async function expectSound(context: TortureContext, folder: CaseFolder): Promise<void> {
  const report = await context.store.verify(folder.database);
  expect(report.findings.filter((finding) => finding.severity === "damage")).to.deep.equal([]);
  expect(report.isSound).to.equal(true);
}
