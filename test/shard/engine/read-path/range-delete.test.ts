import { expect } from "chai";
import {
  hidingSequence,
  type RangeDelete,
  rangeCovers,
  rangeHasKey,
  rangeOf,
  rangeTouches,
} from "../../../../shard/engine/read-path/range-delete.js";
import { rangeFlag } from "../../../../shared/format/operations.js";
import type { KeyRange } from "../../../../shared/key-range.js";
import { itWithRandom, type Random } from "../../../support/random.js";

const { lowerExclusive, upperInclusive, unbounded } = rangeFlag;
/** All there are in these tests, in order. */
const allKeys = ["", "\0", "a", "a\0", "a\0\0", "aa", "b", "b\0", "c", "\u00ff", "\u00ff\u00ff"];

function randomRange(random: Random): KeyRange {
  return { lower: random.pick(allKeys), upper: random.chance(0.2) ? null : random.pick(allKeys) };
}

function keysOf(range: KeyRange): string[] {
  return allKeys.filter((key) => rangeHasKey(range, key));
}

describe("The range that an operation means", () => {
  const cases: [string, number, string[]][] = [
    ["has its lower bound and not its upper one", 0, ["a", "a\0", "a\0\0", "aa"]],
    ["leaves out an exclusive lower bound", lowerExclusive, ["a\0", "a\0\0", "aa"]],
    ["has an inclusive upper bound", upperInclusive, ["a", "a\0", "a\0\0", "aa", "b"]],
    ["may be open below and closed above", lowerExclusive | upperInclusive, ["a\0", "a\0\0", "aa", "b"]],
    ["has no end where it is unbounded", unbounded, allKeys.slice(2)],
    ["has none either with an upper bound that is said", unbounded | upperInclusive, allKeys.slice(2)],
    ["may be unbounded and leave out its lower bound", unbounded | lowerExclusive, allKeys.slice(3)],
  ];
  for (const [title, flags, expected] of cases) {
    it(title, () => {
      expect(keysOf(rangeOf("a", "b", flags))).to.deep.equal(expected);
    });
  }

  it("is empty between two equal bounds, unless both count", () => {
    expect(keysOf(rangeOf("a", "a", 0))).to.deep.equal([]);
    expect(keysOf(rangeOf("a", "a", upperInclusive))).to.deep.equal(["a"]);
    expect(keysOf(rangeOf("a", "a", lowerExclusive | upperInclusive))).to.deep.equal([]);
  });
});

describe("A range and an interval of keys", () => {
  itWithRandom("touch where a key of the one may lie in the other, and cover where all do", (random) => {
    for (let round = 0; round < 3000; round++) {
      const range = randomRange(random);
      const from = random.int(allKeys.length);
      const interval = allKeys.slice(from, random.between(from + 1, allKeys.length));
      const inside = interval.filter((key) => rangeHasKey(range, key));
      const [smallest, largest] = [interval[0]!, interval.at(-1)!];
      expect(rangeCovers(range, smallest, largest)).to.equal(inside.length === interval.length);
      if (inside.length > 0) {
        expect(rangeTouches(range, smallest, largest)).to.equal(true);
      }
    }
  });

  it("touch at one key, where that is in the range", () => {
    const range = { lower: "c", upper: "f" };
    expect(rangeTouches(range, "a", "b")).to.equal(false);
    expect(rangeTouches(range, "a", "c")).to.equal(true);
    expect(rangeTouches(range, "e", "e")).to.equal(true);
    expect(rangeTouches(range, "f", "g")).to.equal(false);
    expect(rangeTouches({ lower: "c", upper: null }, "\u00ff", "\u00ff")).to.equal(true);
  });
});

describe("The range delete that hides a version", () => {
  const deletes: RangeDelete[] = [
    { lower: "a", upper: "m", sequence: 20 },
    { lower: "c", upper: null, sequence: 10 },
    { lower: "a", upper: "d", sequence: 30 },
  ];
  const cases: [string, number, number, number, string][] = [
    ["c", 5, 99, 10, "the oldest of those that hide it"],
    ["b", 5, 99, 20, "the oldest that has its key"],
    ["c", 10, 99, 20, "none that is as old as the version"],
    ["c", 9, 99, 10, "one that is newer by one"],
    ["c", 25, 99, 30, "one that is newer, among older ones"],
    ["c", 30, 99, 0, "none for the newest version"],
    ["c", 5, 10, 10, "one that the reader just sees"],
    ["c", 5, 9, 0, "none that the reader does not see"],
    ["b", 5, 19, 0, "none where the reader sees only one of other keys"],
    ["m", 15, 99, 0, "none at its upper bound"],
    ["z", 5, 99, 10, "one without an end"],
  ];
  for (const [key, sequence, maxSequence, expected, title] of cases) {
    it(`is ${title}`, () => {
      expect(hidingSequence(deletes, key, sequence, maxSequence)).to.equal(expected);
      expect(hidingSequence(deletes.toReversed(), key, sequence, maxSequence)).to.equal(expected);
    });
  }
});
