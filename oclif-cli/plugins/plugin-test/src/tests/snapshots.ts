import assert from "node:assert/strict";
import { FastKV } from "fastkv";
import type { SelfTest } from "../self-test.js";

const keys = Array.from({ length: 200 }, (_, index) => `key:${String(index).padStart(3, "0")}`);

function all(value: number): [string, number][] {
  return keys.map((key) => [key, value]);
}

export const snapshots: SelfTest = {
  name: "Snapshots (one consistent moment over all shards)",
  async run(folder) {
    await using db = await FastKV.open(folder);
    await db.batchPut(all(0));
    const writing = (async () => {
      for (let round = 1; round <= 50; round++) {
        await db.batchPut(all(round));
      }
    })();
    for (let round = 0; round < 10; round++) {
      await using snapshot = await db.snapshot();
      const first = await snapshot.getMany(keys);
      assert.equal(new Set(first).size, 1, "a snapshot shows a batch in part");
      const scanned = (await snapshot.scan({ prefix: "key:" }).toArray()).map(([, value]) => value);
      assert.deepEqual(scanned, first);
    }
    await writing;
    assert.deepEqual(new Set(await db.getMany(keys)), new Set([50]));
  },
};
