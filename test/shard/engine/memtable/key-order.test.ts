import { expect } from "chai";
import { KeyOrder, lowerBounds, type Run } from "../../../../shard/engine/memtable/key-order.js";
import type { Rows } from "../../../../shard/engine/memtable/rows.js";
import { itWithRandom } from "../../../support/random.js";
import { byKey, distinctKeys, keyFamilies, rowsOf } from "./row-support.js";

function keysIn(rows: Rows, run: Run): string[] {
  return [...run].map((row) => rows.keyOf(row));
}

/** Each run is in order, and together they have each of the keys once. */
function checkRuns(rows: Rows, runs: readonly Run[], keys: readonly string[]): void {
  for (const run of runs) {
    const inRun = keysIn(rows, run);
    expect(inRun).to.deep.equal(inRun.toSorted(byKey));
  }
  expect(runs.flatMap((run) => keysIn(rows, run)).sort(byKey)).to.deep.equal(keys.toSorted(byKey));
}

/** An order of the first `count` rows that nobody has read in yet. */
function unreadOrder(rows: Rows, count: number, runKeys: number): KeyOrder {
  const order = new KeyOrder(rows, runKeys);
  for (let row = 0; row < count; row++) {
    order.add(row);
  }
  return order;
}

describe("The order of a memtable's keys", () => {
  for (const [name, keyOf] of Object.entries(keyFamilies)) {
    itWithRandom(`has each key once, in sorted runs, whenever it is read: ${name}`, (random) => {
      for (let round = 0; round < 8; round++) {
        const keys = distinctKeys(random, random.pick([1, 30, 250]), keyOf);
        const rows = rowsOf(random, keys);
        const order = new KeyOrder(rows, random.pick([1, 4, 30, 200]));
        const readEvery = random.pick([3, 7, 40, 100]);
        for (let row = 0; row < keys.length; row++) {
          order.add(row);
          if (row % readEvery === 0) {
            checkRuns(rows, order.sortedRuns(), keys.slice(0, row + 1));
          }
        }
        checkRuns(rows, order.sortedRuns(), keys);
      }
    });

    itWithRandom(`finds in each run the first key at or after another: ${name}`, (random) => {
      const keys = distinctKeys(random, 200, keyOf);
      const rows = rowsOf(random, keys);
      const runs = unreadOrder(rows, keys.length, 30).sortedRuns();
      const targets = [...keys.slice(0, 50), ...distinctKeys(random, 50, keyOf), "", "\u00ff".repeat(12)];
      for (const target of targets) {
        const expected = runs.map((run) => keysIn(rows, run).filter((key) => key < target).length);
        expect(lowerBounds(rows, runs, target)).to.deep.equal(expected);
      }
    });
  }

  itWithRandom("has no runs without keys", (random) => {
    expect(new KeyOrder(rowsOf(random, []), 16).sortedRuns()).to.deep.equal([]);
  });

  itWithRandom("comes in ever fewer runs the more often it is read", (random) => {
    const keys = distinctKeys(random, 1000, (one) => `${one.next32()}`);
    const rows = rowsOf(random, keys);
    const order = unreadOrder(rows, keys.length, 16);
    const first = order.sortedRuns().length;
    expect(first).to.equal(61 + 1);
    expect(order.sortedRuns().length, "each reader merges two").to.equal(first - 1);
    for (let reads = 0; reads < 100; reads++) {
      order.sortedRuns();
    }
    // 62 full runs, merged two by two, leave one for each bit of 62; and there is the rest.
    expect(order.sortedRuns()).to.have.length(5 + 1);
    checkRuns(rows, order.sortedRuns(), keys);
  });

  itWithRandom("leaves the runs of one reader as they are while others read", (random) => {
    const keys = distinctKeys(random, 300, (one) => `${one.next32()}`);
    const order = unreadOrder(rowsOf(random, keys), keys.length, 16);
    const runs = order.sortedRuns();
    const before = runs.map((run) => [...run]);
    for (let reads = 0; reads < 30; reads++) {
      order.sortedRuns();
    }
    expect(runs.map((run) => [...run])).to.deep.equal(before);
  });

  itWithRandom("merges no runs into one of more than 65,536 keys, which would take long", (random) => {
    const keys = distinctKeys(random, 150_000, (one) => `${one.next32()}`);
    const rows = rowsOf(random, keys);
    const order = unreadOrder(rows, keys.length, 16_384);
    for (let reads = 0; reads < 20; reads++) {
      order.sortedRuns();
    }
    const lengths = order.sortedRuns().map((run) => run.length);
    expect(Math.max(...lengths)).to.equal(65_536);
    expect(lengths.reduce((sum, length) => sum + length, 0)).to.equal(keys.length);
  });
});
