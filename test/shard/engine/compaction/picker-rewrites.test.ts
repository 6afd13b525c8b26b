import { expect } from "chai";
import { rangeDeleteIsNeeded } from "../../../../shard/engine/compaction/picker.js";
import { type TableDetails, type TreeSketch, table, treeOf } from "../version/tree-sketch.js";
import { itChooses, rangeDelete } from "./picture.js";

/** Nothing of such a table has to be rewritten. */
const cleared: TableDetails = { clearedSequence: 99 };

describe("Tables that a range delete hides in part", () => {
  const half = rangeDelete(50, "c", "m");
  itChooses([
    {
      it: "are rewritten at their level",
      tree: { 2: [table(1, "a-b"), table(2, "c-n")], 3: [table(3, "a-z", cleared)] },
      rangeDeletes: [half],
      expected: "merge 2 from 2 to 2",
    },
    {
      it: "are rewritten at the last level too",
      tree: { 6: [table(2, "a-c")] },
      rangeDeletes: [half],
      expected: "merge 2 from 6 to 6",
    },
    {
      it: "are those in part with newer data",
      tree: { 3: [table(60, "d-e", { minSequence: 49 }), table(61, "f-g", { minSequence: 50 })] },
      rangeDeletes: [half],
      expected: "merge 60 from 3 to 3",
    },
    {
      it: "are not those with newer data only",
      tree: { 3: [table(60, "d-e", { minSequence: 50 })] },
      rangeDeletes: [half],
      expected: "nothing",
    },
    {
      it: "are not those with other keys",
      tree: { 3: [table(1, "a-b"), table(2, "m-z")] },
      rangeDeletes: [half],
      expected: "nothing",
    },
    {
      it: "are not those that were written without what it hides",
      tree: { 3: [table(1, "a-d", { clearedSequence: 50 })] },
      rangeDeletes: [half],
      expected: "nothing",
    },
    {
      it: "are rewritten again for a later range delete",
      tree: { 3: [table(1, "a-d", { clearedSequence: 49 })] },
      rangeDeletes: [half],
      expected: "merge 1 from 3 to 3",
    },
    {
      it: "stay while anything older than the delete is held",
      tree: { 3: [table(20, "a-d")] },
      rangeDeletes: [half],
      holds: [5, 60],
      expected: "nothing",
    },
    {
      it: "are rewritten in spite of holds that see the delete",
      tree: { 3: [table(20, "a-d")] },
      rangeDeletes: [half],
      holds: [50, 60],
      expected: "merge 20 from 3 to 3",
    },
    {
      it: "wait where their level is busy, and one of another level comes first",
      tree: { 2: [table(1, "a-d")], 3: [table(2, "a-d")] },
      rangeDeletes: [half],
      busy: [2],
      expected: "merge 2 from 3 to 3",
    },
    {
      it: "wait for what is due",
      tree: { 1: [table(2, "a-d", { sizeBytes: 1000 })], 2: [table(3, "a-b")] },
      rangeDeletes: [half],
      expected: "merge 2 3 from 1 to 2",
    },
    {
      it: "are found by the next range delete where the first hides nothing",
      tree: { 3: [table(20, "a-d")] },
      rangeDeletes: [rangeDelete(10, "", null), rangeDelete(60, "x", null), half],
      expected: "merge 20 from 3 to 3",
    },
  ]);
});

describe("Level 0 with a table that a range delete hides in part", () => {
  const half = rangeDelete(50, "c", "m");
  const levelZero = [table(2, "a-d")];
  itChooses([
    {
      it: "is merged into level 1, though it is not due",
      tree: { 0: levelZero, 1: [table(3, "b-e", cleared), table(4, "x-z", cleared)] },
      rangeDeletes: [half],
      expected: "merge 2 3 from 0 to 1",
    },
    {
      it: "waits for a job at level 1, and a table further down comes first",
      tree: { 0: levelZero, 1: [table(3, "a-d")], 2: [table(4, "a-d")] },
      rangeDeletes: [half],
      busy: [1],
      expected: "merge 4 from 2 to 2",
    },
    {
      it: "waits where the table is newer than what is in memory",
      tree: { 0: levelZero },
      rangeDeletes: [half],
      oldestUnflushed: 2,
      expected: "nothing",
    },
  ]);
});

describe("A range delete is needed", () => {
  const range = rangeDelete(50, "c", "m");
  const never = Number.POSITIVE_INFINITY;
  const cases: [string, TreeSketch, number, boolean][] = [
    ["not in an empty tree", {}, never, false],
    ["while older data is in memory", {}, 49, true],
    ["no longer where what is in memory is as new as itself", {}, 50, false],
    ["while any level may have what it hides", { 6: [table(49, "a-c")] }, never, true],
    [
      "for one of many tables",
      { 0: [table(51, "a-z")], 1: [table(1, "m-z")], 2: [table(1, "l-z")] },
      never,
      true,
    ],
    ["for older versions among newer ones", { 1: [table(60, "d-e", { minSequence: 1 })] }, never, true],
    ["not for tables beside it", { 1: [table(1, "a-b"), table(2, "m-z")] }, never, false],
    ["not for newer tables", { 0: [table(50, "a-z"), table(51, "a-z")] }, never, false],
    [
      "not for tables that were written without",
      { 1: [table(1, "a-z", { clearedSequence: 50 })] },
      never,
      false,
    ],
    ["for those written without older ones", { 1: [table(1, "a-z", { clearedSequence: 49 })] }, never, true],
  ];
  for (const [title, tree, oldestUnflushed, expected] of cases) {
    it(title, () => {
      expect(rangeDeleteIsNeeded(range, treeOf(tree), oldestUnflushed)).to.equal(expected);
    });
  }
});
