import { expect } from "chai";
import type { LiveTable } from "../../../../shard/engine/version/version.js";
import { type TableDetails, table } from "../version/tree-sketch.js";
import { chosen, type Picture } from "./picture.js";

/** Two tables that must be merged. */
const overlappingTwo = (): LiveTable[] => [table(1, "c-e"), table(2, "d-f")];

function loadedAt(sequence: number): TableDetails {
  return { minSequence: sequence, maxSequence: sequence, sequenceOverride: sequence };
}

describe("Compactions of level 0", () => {
  const cases: [string, Picture, string][] = [
    ["are not chosen in an empty tree", { tree: {} }, "nothing"],
    ["are not chosen below the depth that is due", { tree: { 0: [table(1, "a-z")] } }, "nothing"],
    ["come at the depth that is due", { tree: { 0: overlappingTwo() } }, "merge 1 2 from 0 to 1"],
    [
      "do not come of one bulk load, of however many tables",
      {
        tree: {
          0: [table(1, "a-b", loadedAt(9)), table(2, "c-d", loadedAt(9)), table(3, "e-f", loadedAt(9))],
        },
      },
      "nothing",
    ],
    [
      "take the tables of level 1 between the first key and the last",
      {
        tree: {
          0: [table(1, "c-e"), table(2, "d-f"), table(3, "m-n")],
          1: [table(4, "a-b"), table(5, "b\0-c"), table(6, "h-i"), table(7, "n-n"), table(8, "o-z")],
        },
      },
      "merge 1 2 3 5 6 7 from 0 to 1",
    ],
    [
      "leave tables alone with newer data than is in memory",
      { tree: { 0: [...overlappingTwo(), table(3, "a-z"), table(4, "a-z")] }, oldestUnflushed: 3 },
      "merge 1 2 from 0 to 1",
    ],
    [
      "leave such a table alone though it has older data too",
      {
        tree: { 0: [...overlappingTwo(), table(3, "a-z", { minSequence: 0, maxSequence: 9 })] },
        oldestUnflushed: 9,
      },
      "merge 1 2 from 0 to 1",
    ],
    [
      "are not chosen where all tables must wait",
      { tree: { 0: overlappingTwo() }, oldestUnflushed: 1 },
      "nothing",
    ],
    ["wait for a job at level 0", { tree: { 0: overlappingTwo() }, busy: [0] }, "nothing"],
    ["wait for a job at level 1", { tree: { 0: overlappingTwo() }, busy: [1] }, "nothing"],
    [
      "do not wait for one further down",
      { tree: { 0: overlappingTwo() }, busy: [2, 3] },
      "merge 1 2 from 0 to 1",
    ],
  ];
  for (const [title, picture, expected] of cases) {
    it(title, () => {
      expect(chosen(picture)).to.equal(expected);
    });
  }
});

describe("Tables of level 0 are moved", () => {
  const cases: [string, Picture["tree"], string][] = [
    [
      "where they overlap neither each other nor level 1",
      { 0: [table(1, "a-b"), table(2, "m-n")], 1: [table(3, "c-l")] },
      "move 1 2 from 0 to 1",
    ],
    [
      "before those that overlap each other are merged",
      { 0: [table(1, "a-b"), table(2, "m-n"), table(3, "n-p")] },
      "move 1 from 0 to 1",
    ],
    [
      "before those that overlap level 1 are merged",
      { 0: [table(1, "a-b"), table(2, "m-n")], 1: [table(3, "n-z")] },
      "move 1 from 0 to 1",
    ],
    ["but not where they share one key", { 0: [table(1, "a-c"), table(2, "c-e")] }, "merge 1 2 from 0 to 1"],
    [
      "but not where they begin with the same key",
      { 0: [table(1, "c-c"), table(2, "c-e")] },
      "merge 1 2 from 0 to 1",
    ],
    [
      "but not where one that began long before reaches over them",
      { 0: [table(1, "a-m"), table(2, "b-c"), table(3, "d-e"), table(4, "m-m"), table(5, "p-q")] },
      "move 5 from 0 to 1",
    ],
    [
      "but not where they share one key with level 1",
      { 0: [table(1, "a-c"), table(2, "m-n")], 1: [table(3, "c-f"), table(4, "k-m")] },
      "merge 1 2 3 4 from 0 to 1",
    ],
  ];
  for (const [title, tree, expected] of cases) {
    it(title, () => {
      expect(chosen({ tree })).to.equal(expected);
    });
  }

  it("also below a table that must wait, which is newer", () => {
    const tree = { 0: [table(1, "a-b"), table(2, "a-z")] };
    expect(chosen({ tree, oldestUnflushed: 2 })).to.equal("move 1 from 0 to 1");
  });
});

describe("Tables that are moved go", () => {
  /** Two tables, of so many bytes together. */
  const two = (bytes: number): LiveTable[] => [
    table(1, "c-d", { sizeBytes: bytes - 1 }),
    table(2, "m-n", { sizeBytes: 1 }),
  ];
  const cases: [string, Picture, number][] = [
    ["one level down where that has room for them", { tree: { 0: two(1000) } }, 1],
    ["below a level that they would overfill", { tree: { 0: two(1001) } }, 2],
    [
      "below one that they would overfill with what it has",
      { tree: { 0: two(500), 1: [table(3, "x-z", { sizeBytes: 501 })] } },
      2,
    ],
    [
      "as deep as their bytes call for",
      { tree: { 0: two(10_000), 1: [table(3, "x-z", { sizeBytes: 1000 })] } },
      2,
    ],
    ["and no deeper", { tree: { 0: two(10_001) } }, 3],
    ["to the last level at most", { tree: { 0: two(1e15) } }, 6],
    ["not past a table that one of them overlaps", { tree: { 0: two(1e15), 3: [table(3, "n-o")] } }, 2],
    ["not onto one in the level below", { tree: { 0: two(1e15), 2: [table(3, "a-c")] } }, 1],
    ["past tables that they do not overlap", { tree: { 0: two(1e15), 3: [table(3, "e-l")] } }, 6],
    ["not into a busy level", { tree: { 0: two(1e15) }, busy: [4] }, 3],
  ];
  for (const [title, picture, toLevel] of cases) {
    it(title, () => {
      expect(chosen(picture)).to.equal(`move 1 2 from 0 to ${toLevel}`);
    });
  }
});
