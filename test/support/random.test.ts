import { expect } from "chai";
import { Random, withRandom } from "./random.js";

describe("test/support: Random", () => {
  it("draws the same for the same seed, and something else for another", () => {
    const draw = (seed: number): number[] => {
      const random = new Random(seed);
      return Array.from({ length: 20 }, () => random.next32());
    };
    expect(draw(7)).to.deep.equal(draw(7));
    expect(draw(7)).to.not.deep.equal(draw(8));
    expect(new Set(draw(0)).size).to.equal(20);
  });

  it("stays within its limits and reaches all of them", () => {
    const random = new Random(1);
    const seen = new Set(Array.from({ length: 500 }, () => random.int(5)));
    expect([...seen].sort()).to.deep.equal([0, 1, 2, 3, 4]);
    const between = new Set(Array.from({ length: 500 }, () => random.between(3, 5)));
    expect([...between].sort()).to.deep.equal([3, 4, 5]);
    expect(random.chance(0)).to.equal(false);
    expect(random.chance(1)).to.equal(true);
    expect(random.bytes(7)).to.have.length(7);
    expect(random.shuffle([1, 2, 3, 4]).sort()).to.deep.equal([1, 2, 3, 4]);
    expect(() => random.pick([])).to.throw("Nothing to pick from");
  });

  it("names the seed in what a body throws", async () => {
    const failure = await withRandom((random) => {
      throw new Error(`drew with ${random.seed}`);
    }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).to.be.instanceOf(Error);
    const [, drawn, named] =
      /drew with (\d+) \[replay with FASTKV_TEST_SEED=(\d+)\]/.exec(String(failure)) ?? [];
    expect(drawn).to.be.a("string").and.to.equal(named);
  });
});
