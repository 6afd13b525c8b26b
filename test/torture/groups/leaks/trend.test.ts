import { expect } from "chai";
import { itWithRandom } from "../../../support/random.js";
import { findLeaks, type Sample, type Tolerances } from "./trend.js";

const tolerances: Tolerances = {
  descriptors: { perOperation: 0.001, inAll: 3 },
  heap: { perOperation: 50, inAll: 256 * 1024 },
};

function samples(
  count: number,
  step: number,
  figuresAt: (operations: number) => Sample["figures"],
): Sample[] {
  return Array.from({ length: count }, (_, at) => ({
    operations: at * step,
    figures: figuresAt(at * step),
  }));
}

describe("The search for leaks in figures", () => {
  itWithRandom("finds one descriptor lost in 100 operations, and nothing else", (random) => {
    const given = samples(9, 125, (operations) => ({
      descriptors: 20 + Math.floor(operations / 100) + random.int(2),
      heap: 5e6 + random.int(100_000),
    }));
    expect(findLeaks(given, tolerances)).to.have.length(1);
    expect(findLeaks(given, tolerances)[0]).to.match(/^descriptors grows by 0\.0/);
  });

  itWithRandom("finds 100 bytes lost in each operation under noise of a megabyte", (random) => {
    const given = samples(9, 10_000, (operations) => ({
      descriptors: 20,
      heap: 5e6 + 100 * operations + random.int(1_000_000),
    }));
    expect(findLeaks(given, tolerances).join()).to.match(/^heap grows by /);
  });

  itWithRandom("takes noise, a step and an outlier for no leak", (random) => {
    for (let round = 0; round < 100; round += 1) {
      const stepAt = random.int(80_000);
      const outlierAt = random.int(9) * 10_000;
      const given = samples(9, 10_000, (operations) => ({
        descriptors: 20 + (operations >= stepAt ? 2 : 0) + (operations === outlierAt ? 30 : 0),
        heap: 5e6 + random.int(100_000) + (operations === outlierAt ? 2e7 : 0),
      }));
      expect(findLeaks(given, tolerances)).to.deep.equal([]);
    }
  });

  it("finds any change of a figure without a tolerance", () => {
    const given = samples(5, 10, (operations) => ({ processes: operations === 40 ? 1 : 0 }));
    expect(findLeaks(given, tolerances)).to.deep.equal(["processes changes: 0, 0, 0, 0, 1"]);
  });

  it("takes figures that fall for no leak", () => {
    const given = samples(5, 10_000, (operations) => ({ descriptors: 50, heap: 1e8 - operations * 1000 }));
    expect(findLeaks(given, tolerances)).to.deep.equal([]);
  });

  it("refuses to judge a few samples", () => {
    expect(() =>
      findLeaks(
        samples(4, 10, () => ({ heap: 1 })),
        tolerances,
      ),
    ).to.throw(/too few/);
  });
});
