import { expect } from "chai";
import { type Hold, Holds, HoldView } from "../../../../shard/engine/read-path/holds.js";
import { itWithRandom, type Random } from "../../../support/random.js";

function randomHold(random: Random): Hold {
  return { sequence: random.int(20), timeMs: random.int(20) };
}

/** What a view must say, asked of each hold by itself. */
function isSeen(holds: readonly Hold[], older: number, newer: number): boolean {
  return holds.some(({ sequence }) => sequence >= older && !(sequence >= newer));
}

function checkNeeds(view: HoldView, holds: readonly Hold[]): void {
  for (let older = 0; older <= 21; older++) {
    for (let newer = older; newer <= 21; newer++) {
      expect(view.needs(older, newer), `${older} below ${newer}`).to.equal(isSeen(holds, older, newer));
    }
  }
}

describe("A view of holds", () => {
  itWithRandom("needs a version that some hold sees although a newer one came later", (random) => {
    for (let round = 0; round < 60; round++) {
      const holds = Array.from({ length: random.int(10) }, () => randomHold(random));
      const view = new HoldView(holds);
      checkNeeds(view, holds);
      expect(view.sequences).to.deep.equal(
        Array.from({ length: 20 }, (_, sequence) => sequence).filter((sequence) =>
          holds.some((hold) => hold.sequence === sequence),
        ),
      );
    }
  });

  it("sees a version of its own moment, and not what comes after", () => {
    const view = new HoldView([{ sequence: 10, timeMs: 0 }]);
    expect(view.needs(10, 11)).to.equal(true);
    expect(view.needs(9, 10), "the newer one is the one that it sees").to.equal(false);
    expect(view.needs(11, 12), "neither is there yet").to.equal(false);
    expect(view.needs(0, Number.POSITIVE_INFINITY)).to.equal(true);
  });

  it("needs nothing where there are no holds", () => {
    const view = new HoldView([]);
    expect(view.needs(0, Number.POSITIVE_INFINITY)).to.equal(false);
    expect(view.needsExpired(0, Number.POSITIVE_INFINITY)).to.equal(false);
  });

  it("needs what has expired where one hold sees it and is of a time before", () => {
    const view = new HoldView([
      { sequence: 10, timeMs: 500 },
      { sequence: 20, timeMs: 900 },
    ]);
    expect(view.needsExpired(10, 501)).to.equal(true);
    expect(view.needsExpired(10, 500), "at its own moment it has expired").to.equal(false);
    expect(view.needsExpired(11, 901), "by the later one").to.equal(true);
    expect(view.needsExpired(11, 900), "the one sees it, the other is early enough").to.equal(false);
    expect(view.needsExpired(21, 1000), "it is newer than both").to.equal(false);
  });
});

describe("The holds of a shard", () => {
  itWithRandom("are those that were taken and not given back", (random) => {
    const holds = new Holds();
    holds.retainAll = false;
    const model = new Map<number, Hold>();
    for (let step = 0; step < 300; step++) {
      const id = random.int(8);
      if (random.chance(0.5)) {
        const hold = randomHold(random);
        holds.take(id, hold);
        model.set(id, hold);
      } else {
        holds.release(id);
        model.delete(id);
      }
      expect(holds.size).to.equal(model.size);
      if (random.chance(0.3)) {
        expect(holds.view().holds).to.have.deep.members([...model.values()]);
        const [older, newer] = [random.int(20), random.int(25)];
        expect(holds.needs(older, newer)).to.equal(isSeen([...model.values()], older, newer));
      }
    }
  });

  it("need every version until the shard knows what is held", () => {
    const holds = new Holds();
    expect(holds.needs(1, 2)).to.equal(true);
    holds.retainAll = false;
    expect(holds.needs(1, 2)).to.equal(false);
  });

  it("do not change a view that was given out", () => {
    const holds = new Holds();
    holds.take(1, { sequence: 5, timeMs: 0 });
    const view = holds.view();
    holds.take(2, { sequence: 8, timeMs: 0 });
    holds.release(1);
    expect(view.sequences).to.deep.equal([5]);
    expect(holds.view().sequences).to.deep.equal([8]);
  });
});
