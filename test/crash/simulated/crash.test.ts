import { expect } from "chai";
import { rounds } from "../../model/rounds.js";
import { chooseSeed, Random } from "../../support/random.js";
import { CrashSearch } from "./crash-search.js";

describe("the store after a crash of the machine", () => {
  const search = new CrashSearch();

  for (let round = 0; round < 4 * rounds; round++) {
    it(`is a state that the promises allow, wherever it strikes (workload ${round + 1})`, async () => {
      await search.run(new Random(chooseSeed() + round));
    });
  }

  after("every step was struck", () => {
    const { table } = search;
    if (process.env.FASTKV_TEST_CRASH_TABLE !== undefined) {
      process.stdout.write(`${table.crashes} crashes\n${table.toString()}\n`);
    }
    expect(table.missing(), "steps without a crash").to.deep.equal([]);
    expect(search.total("batchesOverAllShards")).to.be.above(20);
    expect(search.total("loads")).to.be.above(5);
    expect(search.total("clears")).to.be.above(5);
  });
});
