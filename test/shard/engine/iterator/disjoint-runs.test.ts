import { expect } from "chai";
import { disjointRuns } from "../../../../shard/engine/iterator/disjoint-runs.js";
import { itWithRandom } from "../../../support/random.js";

function span(smallest: string, largest: string) {
  return { smallest, largest };
}

describe("Tables in disjoint runs", () => {
  it("are one run where none overlaps another, in key order", () => {
    const [a, b, c] = [span("a", "b"), span("c", "c"), span("d", "z")];
    expect(disjointRuns([c, a, b])).to.deep.equal([[a, b, c]]);
    expect(disjointRuns([])).to.deep.equal([]);
  });

  it("are in different ones where they share but one key", () => {
    const [a, b] = [span("a", "b"), span("b", "c")];
    expect(disjointRuns([a, b])).to.deep.equal([[a], [b]]);
  });

  itWithRandom("are all in some run, and in no more runs than share one key", (random) => {
    for (let round = 0; round < 200; round++) {
      const tables = Array.from({ length: random.int(30) }, () => {
        const from = random.int(50);
        const letter = (at: number): string => String.fromCharCode(48 + at);
        return span(letter(from), letter(from + random.int(8)));
      });
      const runs = disjointRuns(tables);
      expect(runs.flat()).to.have.members(tables);
      for (const run of runs) {
        run.slice(1).forEach((table, at) => {
          expect(run[at]!.largest < table.smallest).to.equal(true);
        });
      }
      const shared = tables.map(
        ({ smallest: key }) => tables.filter((one) => one.smallest <= key && key <= one.largest).length,
      );
      expect(runs.length).to.equal(Math.max(0, ...shared));
    }
  });
});
