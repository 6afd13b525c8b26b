import { expect } from "chai";
import {
  compactionDebtBytes,
  levelScore,
  levelTargetBytes,
} from "../../../../shard/engine/compaction/picker.js";
import type { LiveTable } from "../../../../shard/engine/version/version.js";
import { type TreeSketch, table, treeOf } from "../version/tree-sketch.js";
import { chosen, type Picture, settings } from "./picture.js";

function sized(fileNumber: number, keys: string, sizeBytes: number): LiveTable {
  return table(fileNumber, keys, { sizeBytes });
}

describe("Compactions of a level below 0", () => {
  const cases: [string, Picture, string][] = [
    [
      "are not chosen below the level's target",
      { tree: { 1: [sized(1, "a-c", 999)], 2: [sized(2, "a-c", 9999)] } },
      "nothing",
    ],
    [
      "come at the target",
      { tree: { 1: [sized(1, "a-c", 1000)], 2: [sized(2, "b-d", 10)] } },
      "merge 1 2 from 1 to 2",
    ],
    [
      "come at ten times that for the level below",
      { tree: { 2: [sized(1, "a-c", 10_000)], 3: [sized(2, "b-d", 10)] } },
      "merge 1 2 from 2 to 3",
    ],
    ["never come of the last level", { tree: { 6: [sized(1, "a-c", 1e15)] } }, "nothing"],
    [
      "take one table, with all that it overlaps",
      {
        tree: {
          1: [sized(1, "c-f", 1000)],
          2: [
            sized(2, "a-b", 10),
            sized(3, "b\0-c", 10),
            sized(4, "d-e", 10),
            sized(5, "f-f", 10),
            sized(6, "g-h", 10),
          ],
        },
      },
      "merge 1 3 4 5 from 1 to 2",
    ],
    [
      "take the table that overlaps the least",
      {
        tree: {
          1: [sized(1, "a-c", 400), sized(2, "d-f", 400), sized(3, "g-i", 400)],
          2: [sized(4, "a-b", 300), sized(5, "d-d", 100), sized(6, "e-e", 100), sized(7, "g-i", 400)],
        },
      },
      "merge 2 5 6 from 1 to 2",
    ],
    [
      "take the one that overlaps the least for its size",
      {
        tree: {
          1: [sized(1, "a-c", 100), sized(2, "d-f", 900)],
          2: [sized(3, "a-c", 100), sized(4, "d-f", 300)],
        },
      },
      "merge 2 4 from 1 to 2",
    ],
    [
      "take the first of those that are alike",
      {
        tree: {
          1: [sized(2, "a-c", 500), sized(1, "d-f", 500)],
          2: [sized(3, "a-c", 100), sized(4, "d-f", 100)],
        },
      },
      "merge 2 3 from 1 to 2",
    ],
    [
      "move a table that overlaps nothing",
      { tree: { 1: [sized(1, "a-c", 900), sized(2, "d-f", 100)], 2: [sized(3, "a-c", 10)] } },
      "move 2 from 1 to 2",
    ],
    [
      "move it past a level that it would overfill",
      { tree: { 1: [sized(1, "d-f", 1000)], 2: [sized(2, "a-c", 9001)] } },
      "move 1 from 1 to 3",
    ],
    [
      "do not move it past a table that it overlaps",
      { tree: { 1: [sized(1, "d-f", 1000)], 2: [sized(2, "a-c", 9001)], 3: [sized(3, "f-g", 10)] } },
      "move 1 from 1 to 2",
    ],
  ];
  for (const [title, picture, expected] of cases) {
    it(title, () => {
      expect(chosen(picture)).to.equal(expected);
    });
  }
});

describe("Of several levels that are due", () => {
  /** Level 2 is at three times its target, level 1 at two times, level 0 at 1.5 times. */
  const tree = {
    0: [table(1, "a-c"), table(2, "a-c"), table(3, "a-c")],
    1: [sized(4, "a-c", 2000)],
    2: [sized(5, "a-c", 30_000)],
    3: [sized(6, "a-c", 10)],
  };
  const cases: [string, Omit<Picture, "tree">, string][] = [
    ["the most overdue comes first", {}, "merge 5 6 from 2 to 3"],
    ["the next one comes where the level below that is busy", { busy: [3] }, "merge 4 5 from 1 to 2"],
    ["level 0 comes where the others cannot", { busy: [2] }, "merge 1 2 3 4 from 0 to 1"],
    ["none comes that would touch a busy level", { busy: [1, 3] }, "nothing"],
    ["none comes where each has a busy level", { busy: [0, 2] }, "nothing"],
  ];
  for (const [title, rest, expected] of cases) {
    it(title, () => {
      expect(chosen({ tree, ...rest })).to.equal(expected);
    });
  }

  it("level 0 is before a level that is less overdue", () => {
    const less = { ...tree, 1: [sized(4, "a-c", 1400)], 2: [sized(5, "a-c", 100)] };
    expect(chosen({ tree: less })).to.equal("merge 1 2 3 4 from 0 to 1");
  });

  it("the next one comes where the tables of level 0 must wait", () => {
    const less = { ...tree, 1: [sized(4, "a-c", 1400)], 2: [sized(5, "a-c", 100)] };
    expect(chosen({ tree: less, oldestUnflushed: 1 })).to.equal("merge 4 5 from 1 to 2");
  });
});

describe("How overdue levels are", () => {
  it("has targets that grow tenfold", () => {
    const targets = [1, 2, 3, 6].map((level) => levelTargetBytes(level, settings));
    expect(targets).to.deep.equal([1000, 10_000, 100_000, 100_000_000]);
  });

  it("is depth against the trigger at level 0, bytes against the target below, and nothing at the end", () => {
    const version = treeOf({
      0: [table(1, "a-b"), table(2, "a-b"), table(3, "a-b")],
      1: [sized(4, "a-b", 400), sized(5, "c-d", 100)],
      2: [sized(6, "a-b", 25_000)],
      6: [sized(7, "a-b", 1e15)],
    });
    const scores = [0, 1, 2, 3, 6].map((level) => levelScore(version, level, settings));
    expect(scores).to.deep.equal([1.5, 0.5, 2.5, 0, 0]);
  });
});

describe("The compaction debt", () => {
  const cases: [string, TreeSketch, number][] = [
    ["is none in an empty tree", {}, 0],
    ["is none where no level is due", { 0: [sized(1, "a-b", 500)], 1: [sized(2, "a-b", 1000)] }, 0],
    ["is all of level 0 where that is due", { 0: [sized(1, "a-b", 500), sized(2, "a-b", 70)] }, 570],
    [
      "is what other levels have beyond their targets",
      { 1: [sized(1, "a-b", 1030)], 2: [sized(2, "a-b", 10_004)], 3: [sized(3, "a-b", 99_999)] },
      34,
    ],
    ["does not count the last level", { 5: [sized(1, "a-b", 10_000_001)], 6: [sized(2, "a-b", 1e15)] }, 1],
    [
      "is the sum of them",
      { 0: [sized(1, "a-b", 500), sized(2, "a-b", 70)], 1: [sized(3, "a-b", 1003)] },
      573,
    ],
  ];
  for (const [title, tree, expected] of cases) {
    it(title, () => {
      expect(compactionDebtBytes(treeOf(tree), settings)).to.equal(expected);
    });
  }
});
