import { expect } from "chai";
import { itWithRandom } from "../../../../support/random.js";
import { drawHistory } from "./drawn-histories.js";
import { missing, type RecordedHistory } from "./history.js";
import { checkLinearizability } from "./linearizability.js";
import { cut, get, history, inDoubt, put, refused, remove } from "./written-histories.js";

function verdict(given: RecordedHistory): string {
  const { violation, undecided } = checkLinearizability(given);
  return violation !== undefined ? "wrong" : undecided > 0 ? "undecided" : "right";
}

describe("The check of linearizability", () => {
  const right: Record<string, RecordedHistory> = {
    "nothing at all": history(),
    "a key that was never written": history(get(missing, [1, 2])),
    "reads after writes": history(put(1, [1, 2]), get(1, [3, 4]), remove(2, [5, 6]), get(missing, [7, 8])),
    "a read beside a write, of the old or the new": history(
      put(1, [1, 2]),
      put(2, [3, 10]),
      get(1, [4, 5]),
      get(2, [6, 7]),
    ),
    "writes that take effect against the order of their calls": history(
      put(1, [1, 10]),
      put(2, [2, 9]),
      get(2, [3, 4]),
      get(1, [5, 6]),
      get(1, [11, 12]),
    ),
    "a write in doubt that came late": history(
      put(1, [1, 2]),
      inDoubt(put(2, [3, 100])),
      get(1, [4, 5]),
      get(2, [50, 60]),
    ),
    "a write in doubt that never came": history(put(1, [1, 2]), inDoubt(put(2, [3, 10])), get(1, [20, 21])),
    "a write that was refused": history(put(1, [1, 2]), refused(put(2, [3, 4])), get(1, [5, 6])),
    "a delete and a put at once, read either way": history(
      put(1, [1, 2]),
      remove(2, [3, 9]),
      put(3, [4, 8]),
      get(3, [5, 6]),
      get(missing, [10, 11]),
    ),
  };
  for (const [name, given] of Object.entries(right)) {
    it(`allows ${name}`, () => expect(verdict(given)).to.equal("right"));
  }

  const wrong: Record<string, RecordedHistory> = {
    "a stale read": history(put(1, [1, 2]), put(2, [3, 4]), get(1, [5, 6])),
    "a lost first write": history(put(1, [1, 2]), get(missing, [3, 4])),
    "a lost update, seen once": history(put(1, [1, 2]), put(2, [3, 4]), get(2, [5, 6]), get(1, [7, 8])),
    "a value that nobody wrote": history(put(1, [1, 2]), get(7, [3, 4])),
    "a value from the future": history(get(1, [1, 2]), put(1, [3, 4])),
    "reads that go backwards beside a write": history(
      put(1, [1, 2]),
      put(2, [3, 20]),
      get(2, [4, 5]),
      get(1, [6, 7]),
    ),
    "a deleted value that comes back": history(
      put(1, [1, 2]),
      remove(2, [3, 4]),
      get(missing, [5, 6]),
      get(1, [7, 8]),
    ),
    "a refused write that is there": history(put(1, [1, 2]), refused(put(2, [3, 4])), get(2, [5, 6])),
    "a write in doubt that comes after its last moment": history(
      put(1, [1, 2]),
      inDoubt(put(2, [3, 10])),
      get(1, [20, 21]),
      get(2, [22, 23]),
    ),
    "a write in doubt that comes and goes": history(
      put(1, [1, 2]),
      inDoubt(put(2, [3, 100])),
      get(2, [10, 11]),
      get(1, [20, 21]),
    ),
    "two readers that see two writes in opposite orders": history(
      put(1, [1, 20]),
      put(2, [2, 20.5]),
      get(1, [3, 4]),
      get(2, [5, 6]),
      get(1, [7, 8]),
      get(2, [9, 10]),
    ),
    "one wrong key among right ones": history(
      put(1, [1, 2], "a", "b"),
      put(2, [3, 4], "b"),
      cut([5, 6], { a: 1, b: 1 }),
    ),
  };
  for (const [name, given] of Object.entries(wrong)) {
    it(`finds ${name}`, () => expect(verdict(given)).to.equal("wrong"));
  }

  it("says which key and which calls", () => {
    const { violation } = checkLinearizability(history(put(1, [1, 2]), put(2, [3, 4]), get(1, [5, 6])));
    expect(violation).to.match(/^Key k is not linearizable: .*value 2.*read \(5 to 6\) shows value 1/);
  });

  itWithRandom("allows what a single register does, however many call it at once", (random) => {
    for (let round = 0; round < 40; round += 1) {
      expect(verdict(drawHistory(random, { clients: random.between(1, 10), calls: 300 }))).to.equal("right");
    }
  });

  itWithRandom("finds one read of a value that was overwritten before it was called", (random) => {
    for (let round = 0; round < 40; round += 1) {
      const given = drawHistory(random, { clients: random.between(1, 6), calls: 200 });
      const last = Math.max(
        ...given.writes.map(({ endAt }) => endAt),
        ...given.reads.map(({ endAt }) => endAt),
      );
      const [first] = given.writes.filter((write) => write.changes.get("k") !== missing);
      const overwriting = put(100_000, [last + 1, last + 2]);
      const stale = get(first!.id, [last + 3, last + 4]);
      expect(verdict({ writes: [...given.writes, overwriting], reads: [...given.reads, stale] })).to.equal(
        "wrong",
      );
    }
  });
});
