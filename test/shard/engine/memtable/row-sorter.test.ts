import { expect } from "chai";
import { sortRows } from "../../../../shard/engine/memtable/row-sorter.js";
import type { Rows } from "../../../../shard/engine/memtable/rows.js";
import { itWithRandom } from "../../../support/random.js";
import { byKey, distinctKeys, keyFamilies, rowsOf } from "./row-support.js";

function sorted(rows: Rows, unsorted: readonly number[]): number[] {
  const order = Uint32Array.from(unsorted);
  sortRows(rows, order);
  return [...order];
}

/** The same without any cleverness. */
function naivelySorted(keys: readonly string[], unsorted: readonly number[]): number[] {
  return unsorted.toSorted((a, b) => byKey(keys[a]!, keys[b]!));
}

function allOf(keys: readonly string[]): number[] {
  return keys.map((_, row) => row);
}

describe("Rows that are sorted", () => {
  for (const [name, keyOf] of Object.entries(keyFamilies)) {
    itWithRandom(`come in the order of their keys: ${name}`, (random) => {
      for (const count of [0, 1, 2, 12, 13, 14, 40, 1000, 3000]) {
        const keys = distinctKeys(random, count, keyOf);
        const rows = rowsOf(random, keys);
        const unsorted = random.shuffle(allOf(keys));
        expect(sorted(rows, unsorted)).to.deep.equal(naivelySorted(keys, unsorted));
      }
    });
  }

  itWithRandom("are those that were given, and no others", (random) => {
    const keys = distinctKeys(random, 500, keyFamilies["any bytes"]!);
    const rows = rowsOf(random, keys);
    const some = random.shuffle(allOf(keys)).slice(0, 100);
    expect(sorted(rows, some)).to.deep.equal(naivelySorted(keys, some));
  });

  itWithRandom("may each have any version of its key", (random) => {
    const keys = distinctKeys(random, 300, keyFamilies["alike in five bytes, and again in the next"]!);
    const versions = random.shuffle([...keys, ...keys, ...keys]);
    const rows = rowsOf(random, versions);
    const chosen = keys.map((key) => random.pick(allOf(versions).filter((row) => versions[row] === key)));
    expect(sorted(rows, chosen)).to.deep.equal(naivelySorted(versions, chosen));
  });

  itWithRandom("may be more than there was memory for, and few again after that", (random) => {
    const keys = distinctKeys(random, 80_000, (one) => `k${one.next32()}`);
    const rows = rowsOf(random, keys);
    for (const unsorted of [allOf(keys), allOf(keys).slice(0, 50), allOf(keys)]) {
      expect(sorted(rows, unsorted).join()).to.equal(naivelySorted(keys, unsorted).join());
    }
  });
});
