/** Damage that once led to wrong answers, and a sample of all: every case that is here is in the group `bytes`, too. */

import { expect } from "chai";
import { Random } from "../support/random.js";
import type { Base } from "./groups/bytes/base.js";
import type { DamageCase } from "./groups/bytes/cases.js";
import { ExhaustiveSearch } from "./groups/bytes/exhaustive.js";
import { soundRecords } from "./groups/bytes/tail-rule.js";

async function runAll(
  isWanted: (one: DamageCase) => boolean,
  most = Number.POSITIVE_INFINITY,
): Promise<number> {
  const search = await ExhaustiveSearch.make(new Random(11), false, isWanted);
  await search.run(() => search.done >= most);
  return search.done;
}

/** From the last record of a log on. */
function isInLastRecord({ base, path, at }: DamageCase): boolean {
  return at >= soundRecords(base.disk.contentOf(path)).at(-1)!.start;
}

const isOf = ({ name }: Base, ...names: string[]): boolean => names.includes(name);

describe("a damaged database", function () {
  this.timeout(60_000);

  it("does not lose the writes of a WAL segment with the edit of the manifest that names it", async () => {
    const done = await runAll(
      (one) =>
        isOf(one.base, "killed") &&
        one.path.includes("MANIFEST") &&
        one.kind !== "swaps" &&
        one.kind !== "missing files" &&
        isInLastRecord(one),
    );
    expect(done).to.be.above(100);
  });

  it("does not lose the end of a WAL segment that has another one behind it", async () => {
    const done = await runAll((one) => one.kind === "older versions" && one.path.endsWith(".wal"));
    expect(done).to.be.above(10);
  });

  it("does not show half a bulk load whose commit the batch log has lost", async () => {
    const done = await runAll(
      (one) =>
        isOf(one.base, "loading") &&
        one.path.includes("batch-log") &&
        (one.kind === "cuts" || one.kind === "flips"),
    );
    expect(done).to.be.above(100);
  });

  it("reads its batch log although its identity file is from before its first opening ended", async () => {
    const done = await runAll((one) => one.kind === "older versions" && one.path.endsWith("/FASTKV"));
    expect(done).to.be.above(1);
  });

  it("gives the right answer or an error for damage of any kind, drawn at random", async () => {
    expect(await runAll(() => true, 400)).to.equal(400);
  });
});
