import { expect } from "chai";
import type { KeptPage } from "../../../coordinator/cache/kept-page.js";
import { PageList } from "../../../coordinator/cache/page-list.js";
import { itWithRandom } from "../../support/random.js";

function pageAt(lower: string): KeptPage {
  return { interval: { lower, upper: null } } as KeptPage;
}

describe("PageList", () => {
  itWithRandom("finds the neighbours of every key, as a sorted array does", (random) => {
    const list = new PageList();
    let sorted: KeptPage[] = [];
    const lowers = (): string[] => sorted.map((page) => page.interval.lower);
    // Grows beyond several blocks, and shrinks to nothing.
    for (const [steps, growing] of [
      [4000, 0.9],
      [6000, 0.2],
    ] as const) {
      for (let step = 0; step < steps; step++) {
        const key = random.int(1_000_000).toString(36).padStart(4, "0");
        const at = lowers().findIndex((lower) => lower >= key);
        const place = at < 0 ? sorted.length : at;
        if (random.chance(growing) && sorted[place]?.interval.lower !== key) {
          const page = pageAt(key);
          list.add(page);
          sorted.splice(place, 0, page);
        } else if (sorted.length > 0) {
          const [page] = sorted.splice(random.int(sorted.length), 1);
          list.remove(page!);
          list.remove(page!);
        }
        if (step % 20 === 0) {
          const probe = random.chance(0.5) && sorted.length > 0 ? random.pick(lowers()) : key;
          expect(list.floor(probe)).to.equal(sorted.findLast(({ interval }) => interval.lower <= probe));
          expect(list.below(probe)).to.equal(sorted.findLast(({ interval }) => interval.lower < probe));
          expect(list.above(probe)).to.equal(sorted.find(({ interval }) => interval.lower > probe));
          expect(list.below(null)).to.equal(sorted.at(-1));
        }
      }
    }
    list.clear();
    sorted = [];
    expect([list.floor("zzzz"), list.below(null), list.above("")]).to.deep.equal([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
