import { expect } from "chai";
import { table } from "../version/tree-sketch.js";
import { chosenInFull, type Picture, rangeDelete } from "./picture.js";

describe("A full compaction", () => {
  const cases: [string, Picture, string][] = [
    ["has nothing to do in an empty tree", { tree: {} }, "nothing"],
    [
      "merges all tables into the last level that has any",
      { tree: { 0: [table(1, "a-b"), table(2, "a-b")], 1: [table(3, "x-z")], 4: [table(4, "m-n")] } },
      "merge 1 2 3 4 from 0 to 4",
    ],
    [
      "begins at the first level that has any",
      { tree: { 2: [table(1, "a-b")], 3: [table(2, "x-z")] } },
      "merge 1 2 from 2 to 3",
    ],
    ["takes level 0 alone to level 1", { tree: { 0: [table(1, "a-b")] } }, "merge 1 from 0 to 1"],
    [
      "does not care whether anything is due or overlaps",
      { tree: { 0: [table(1, "a-b")], 1: [table(2, "x-z")] } },
      "merge 1 2 from 0 to 1",
    ],
    [
      "has nothing to do where one level has everything, and nothing is overwritten, deleted, hidden or expires",
      { tree: { 3: [table(1, "a-b"), table(2, "c-d")] } },
      "nothing",
    ],
    [
      "rewrites one level for its deletes",
      { tree: { 3: [table(1, "a-b"), table(2, "c-d", { deletes: 1 })] } },
      "merge 1 2 from 3 to 3",
    ],
    [
      "rewrites one level for what expires",
      { tree: { 1: [table(1, "a-b", { maxExpiresAt: 0.5 }), table(2, "c-d")] } },
      "merge 1 2 from 1 to 1",
    ],
    [
      "goes to the first level that is large enough, below the last that has any",
      { tree: { 0: [table(1, "a-b")], 1: [table(2, "x-z", { sizeBytes: 9900 })] } },
      "merge 1 2 from 0 to 2",
    ],
    [
      "goes deeper where all of it is by one byte too large",
      { tree: { 0: [table(1, "a-b", { sizeBytes: 101 })], 1: [table(2, "x-z", { sizeBytes: 9900 })] } },
      "merge 1 2 from 0 to 3",
    ],
    [
      "rewrites one level for what is overwritten",
      { tree: { 1: [table(1, "a-b", { entries: 2, keys: 1 }), table(2, "c-d")] } },
      "merge 1 2 from 1 to 1",
    ],
    [
      "rewrites one level for what a range delete hides",
      { tree: { 1: [table(1, "a-b"), table(2, "c-d")] }, rangeDeletes: [rangeDelete(9, "d", null)] },
      "merge 1 2 from 1 to 1",
    ],
    [
      "leaves what a range delete hides while a snapshot sees it",
      { tree: { 1: [table(1, "a-d")] }, rangeDeletes: [rangeDelete(9, "d", null)], holds: [5] },
      "nothing",
    ],
    [
      "waits for any job that runs, at whatever level",
      { tree: { 0: [table(1, "a-b")], 1: [table(2, "a-b")] }, busy: [5] },
      "nothing",
    ],
    [
      "waits where a table of level 0 is newer than what is in memory",
      { tree: { 0: [table(1, "a-b"), table(2, "a-b")], 1: [table(3, "a-b")] }, oldestUnflushed: 2 },
      "nothing",
    ],
    [
      "does not wait for what is in memory and newer than level 0",
      { tree: { 0: [table(1, "a-b")], 1: [table(9, "a-b")] }, oldestUnflushed: 2 },
      "merge 1 9 from 0 to 1",
    ],
  ];
  for (const [title, picture, expected] of cases) {
    it(title, () => {
      expect(chosenInFull(picture)).to.equal(expected);
    });
  }

  it("rewrites what was written before this start, perhaps with other settings", () => {
    const picture = { tree: { 2: [table(7, "a-b"), table(4, "c-d")] } };
    expect(chosenInFull(picture, 5)).to.equal("merge 4 7 from 2 to 2");
    expect(chosenInFull(picture, 4)).to.equal("nothing");
  });
});
