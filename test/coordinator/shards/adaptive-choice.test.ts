import { expect } from "chai";
import { AdaptiveChoice } from "../../../coordinator/shards/adaptive-choice.js";

/** The share of so many times in which the first way is gone, where each takes so long. */
function shareOfFirst(way: AdaptiveChoice, times: number, firstMs: number, secondMs: number): number {
  let first = 0;
  for (let time = 0; time < times; time++) {
    first += way.isFirst ? 1 : 0;
    way.note(way.isFirst ? firstMs : secondMs);
  }
  return first / times;
}

describe("AdaptiveChoice", () => {
  /** Enough that the slower way was tried several times. */
  const times = 64 * 32 * 10;

  it("goes the faster one, and now and then the other", () => {
    expect(shareOfFirst(new AdaptiveChoice(), times, 0.05, 0.08)).to.be.within(0.9, 0.99);
    expect(shareOfFirst(new AdaptiveChoice(), times, 0.08, 0.05)).to.be.within(0.01, 0.1);
  });

  it("goes the second where the first is hardly faster", () => {
    expect(shareOfFirst(new AdaptiveChoice(), times, 0.05, 0.051)).to.be.below(0.1);
  });

  it("changes its mind when the machine does", () => {
    const way = new AdaptiveChoice();
    expect(shareOfFirst(way, times, 0.05, 0.08)).to.be.above(0.8);
    expect(shareOfFirst(way, times, 0.2, 0.08)).to.be.below(0.3);
    expect(shareOfFirst(way, times, 0.05, 0.08)).to.be.above(0.6);
  });

  it("takes no account of how long what takes very long takes", () => {
    const way = new AdaptiveChoice();
    shareOfFirst(way, 64, 0.05, 0.08);
    for (let time = 0; time < 64; time++) {
      way.note(time === 0 ? 1e9 : 0.08);
    }
    expect(shareOfFirst(way, times, 0.05, 0.08)).to.be.above(0.8);
  });
});
