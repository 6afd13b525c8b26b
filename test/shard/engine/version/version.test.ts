import { expect } from "chai";
import {
  bytesOfTables,
  firstEndingAtOrAfter,
  type LiveTable,
  levelCount,
  overlapping,
  Version,
} from "../../../../shard/engine/version/version.js";
import { itWithRandom, type Random } from "../../../support/random.js";
import { expectError } from "../table/support.js";
import { numbersOf, table, treeOf } from "./tree-sketch.js";

function levelsOf(version: Version): number[][] {
  return version.levels.map(numbersOf);
}

/** Disjoint tables in the order of their keys, which have one letter. */
function disjointTables(random: Random): LiveTable[] {
  const letters = [..."bcdefghijklmnopqrstuvwxy"].filter(() => random.chance(0.5));
  const tables: LiveTable[] = [];
  while (letters.length > 0) {
    const keys = letters.splice(0, random.between(1, 4));
    tables.push(table(tables.length + 1, `${keys[0]}-${keys.at(-1)}`));
  }
  return tables;
}

describe("A version of the tree", () => {
  it("has level 0 from new to old, whatever the age of the files, and other levels by key", () => {
    const version = treeOf({
      0: [table(1, "a-z", { maxSequence: 5 }), table(2, "a-z", { maxSequence: 9 }), table(3, "a-z")],
      3: [table(4, "m-n"), table(5, "a-b"), table(6, "x-z")],
    });
    expect(levelsOf(version)).to.deep.equal([[2, 1, 3], [], [], [5, 4, 6], [], [], []]);
    expect(numbersOf([...version.tables()])).to.deep.equal([2, 1, 3, 5, 4, 6]);
  });

  it("has tables of one sequence number in the order of their files", () => {
    const version = treeOf({ 0: [table(8, "k-l", { maxSequence: 9 }), table(7, "a-b", { maxSequence: 9 })] });
    expect(levelsOf(version)[0]).to.deep.equal([7, 8]);
  });

  it("loses what an edit removes, from any level, and gets what it adds", () => {
    const before = treeOf({ 0: [table(1, "a-z"), table(2, "a-z")], 1: [table(3, "a-m"), table(4, "n-z")] });
    const unchanged = levelsOf(before);
    const after = before.apply({
      removedTables: [1, 3, 99],
      addedTables: [
        { level: 1, table: table(5, "a-c") },
        { level: 6, table: table(6, "a-c") },
      ],
    });
    expect(levelsOf(after)).to.deep.equal([[2], [5, 4], [], [], [], [], [6]]);
    expect(levelsOf(before), "the version before").to.deep.equal(unchanged);
  });

  it("keeps a table that an edit moves to another level", () => {
    const moved = table(1, "a-b");
    const after = treeOf({ 0: [moved] }).apply({
      removedTables: [1],
      addedTables: [{ level: 2, table: moved }],
    });
    expect(levelsOf(after)).to.deep.equal([[], [], [1], [], [], [], []]);
  });

  it("is as it was after an edit that says nothing of tables", () => {
    const before = treeOf({ 0: [table(1, "a-b")], 4: [table(2, "a-b")] });
    expect(before.apply({ logNumber: 3 })).to.deep.equal(before);
  });

  it("refuses a level that there is not", () => {
    for (const level of [-1, levelCount]) {
      const edit = { addedTables: [{ level, table: table(1, "a-b") }] };
      expectError("FASTKV_INTERNAL", () => new Version().apply(edit));
    }
  });

  it("counts the tables of one bulk load as one step of level 0's depth", () => {
    const loaded = { minSequence: 7, maxSequence: 7, sequenceOverride: 7 };
    const version = treeOf({
      0: [table(1, "a-b"), table(2, "c-d", loaded), table(3, "e-f", loaded), table(4, "g-h", loaded)],
      1: [table(5, "a-b")],
    });
    expect(version.levelZeroDepth).to.equal(2);
    expect(new Version().levelZeroDepth).to.equal(0);
  });

  it("sums the bytes of each level, and all entries", () => {
    const version = treeOf({
      0: [table(1, "a-b", { sizeBytes: 10, entries: 3 }), table(2, "a-b", { sizeBytes: 20, entries: 4 })],
      2: [table(3, "a-b", { sizeBytes: 500, entries: 100 })],
    });
    expect(version.levelBytes).to.deep.equal([30, 0, 500, 0, 0, 0, 0]);
    expect(version.entries).to.equal(107);
    expect(bytesOfTables(version.levels[0]!)).to.equal(30);
  });

  itWithRandom("finds the one table of a level that may hold a key", (random) => {
    for (let round = 0; round < 200; round++) {
      const tables = disjointTables(random);
      const version = treeOf({ 1: tables });
      for (const key of ["", "a", "b", "bb", "c", "kk", "m", "mm", "x", "y", "yy", "z"]) {
        const holding = tables.find(({ smallest, largest }) => smallest <= key && key <= largest);
        expect(version.tableFor(1, key)?.fileNumber, key).to.equal(holding?.fileNumber);
        const ending = tables.filter(({ largest }) => largest < key).length;
        expect(firstEndingAtOrAfter(tables, key), key).to.equal(ending);
      }
    }
  });
});

describe("Tables that overlap an interval", () => {
  const tables = [table(1, "b-d"), table(2, "f-f"), table(3, "h-k")];
  const cases: [string, string, number[]][] = [
    ["a", "a", []],
    ["a", "b", [1]],
    ["c", "c", [1]],
    ["d", "e", [1]],
    ["e", "e", []],
    ["d", "f", [1, 2]],
    ["a", "z", [1, 2, 3]],
    ["g", "j", [3]],
    ["k", "z", [3]],
    ["kk", "z", []],
  ];
  for (const [smallest, largest, expected] of cases) {
    it(`are ${expected.length === 0 ? "none" : expected.join(" and ")} from ${smallest} to ${largest}`, () => {
      expect(numbersOf(overlapping(tables, smallest, largest))).to.deep.equal(expected);
    });
  }
});

describe("The shape of a tree", () => {
  it("is sound where only tables of level 0, or of different levels, overlap", () => {
    const version = treeOf({
      0: [table(1, "a-z"), table(2, "a-z")],
      1: [table(3, "a-c"), table(4, "d-f")],
      2: [table(5, "a-z")],
    });
    expect(version.findOverlap()).to.equal(undefined);
  });

  for (const level of [1, levelCount - 1]) {
    it(`is not where two tables of level ${level} share a key`, () => {
      const version = treeOf({ [level]: [table(3, "a-b"), table(4, "c-f"), table(5, "f-g")] });
      expect(version.findOverlap()).to.equal(`tables 4 and 5 of level ${level} overlap`);
    });
  }
});
