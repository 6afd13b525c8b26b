import { type TableDetails, table } from "../version/tree-sketch.js";
import { itChooses, rangeDelete } from "./picture.js";

const everything = rangeDelete(50, "", null);
/** So that nothing of a table has to be rewritten. */
const cleared: TableDetails = { clearedSequence: 99 };

describe("Tables that a range delete hides whole", () => {
  const between = table(30, "b-d", { minSequence: 20, ...cleared });
  itChooses([
    {
      it: "are dropped, all at once, whatever their levels",
      tree: { 0: [table(1, "a-b")], 2: [table(2, "a-b"), table(3, "x-z")], 6: [table(4, "c-d")] },
      rangeDeletes: [everything],
      expected: "drop 1 2 3 4",
    },
    {
      it: "are those with all their keys in it",
      tree: {
        3: [
          table(1, "b-d", cleared),
          table(2, "e-f", cleared),
          table(3, "g-i", cleared),
          table(4, "j-m", cleared),
        ],
      },
      rangeDeletes: [rangeDelete(50, "c", "j")],
      expected: "drop 2 3",
    },
    {
      it: "do not reach its upper bound",
      tree: { 3: [table(1, "b-d", cleared)] },
      rangeDeletes: [rangeDelete(50, "b", "d")],
      expected: "nothing",
    },
    {
      it: "have only versions that are older",
      tree: {
        3: [
          table(49, "a-b", cleared),
          table(50, "c-d", cleared),
          table(51, "e-f", { ...cleared, minSequence: 1 }),
        ],
      },
      rangeDeletes: [everything],
      expected: "drop 49",
    },
    {
      it: "are not those that two range deletes hide only together",
      tree: { 3: [table(1, "a-d", cleared)] },
      rangeDeletes: [rangeDelete(50, "a", "c"), rangeDelete(51, "c", "z")],
      expected: "nothing",
    },
    {
      it: "are dropped by the one of several that hides them",
      tree: { 3: [table(30, "a-d", cleared)] },
      rangeDeletes: [rangeDelete(20, "", null), rangeDelete(60, "a", "c"), everything],
      expected: "drop 30",
    },
    {
      it: "stay for a hold that sees some of their versions and not the delete",
      tree: { 3: [between] },
      rangeDeletes: [everything],
      holds: [20],
      expected: "nothing",
    },
    {
      it: "stay for one that came just before the delete",
      tree: { 3: [between] },
      rangeDeletes: [everything],
      holds: [5, 49, 70],
      expected: "nothing",
    },
    {
      it: "go in spite of holds that see none of their versions, or the delete",
      tree: { 3: [between] },
      rangeDeletes: [everything],
      holds: [5, 19, 50, 70],
      expected: "drop 30",
    },
    {
      it: "stay in busy levels for now",
      tree: { 0: [table(1, "a-b")], 2: [table(2, "a-b")], 3: [table(3, "a-b")] },
      rangeDeletes: [everything],
      busy: [0, 2],
      expected: "drop 3",
    },
    {
      it: "stay in level 0 where older data is in memory",
      tree: { 0: [table(1, "a-b"), table(4, "a-b"), table(5, "a-b")] },
      rangeDeletes: [everything],
      oldestUnflushed: 4,
      expected: "drop 1",
    },
    {
      it: "go before anything is merged that is due",
      tree: { 0: [table(60, "a-b"), table(61, "a-b")], 4: [table(1, "x-z")] },
      rangeDeletes: [everything],
      expected: "drop 1",
    },
  ]);
});
