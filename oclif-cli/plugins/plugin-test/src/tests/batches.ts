import assert from "node:assert/strict";
import { FastKV } from "fastkv";
import { writeUntilKilled } from "../child.js";
import type { SelfTest } from "../self-test.js";
import { batchSize } from "../writer.js";

export const batches: SelfTest = {
  name: "Batches over shards (atomic, also through kill -9)",
  async run(folder) {
    for (let round = 1; round <= 2; round++) {
      const { acknowledged } = await writeUntilKilled(folder, "batches", 200);
      await using db = await FastKV.open(folder);
      const values = await db.getMany(Array.from({ length: batchSize }, (_, index) => `batch:${index}`));
      assert.equal(new Set(values).size, 1, `half a batch is there: ${values.join(" ")}`);
      const number = Number(values[0]);
      assert.ok(
        number === acknowledged || number === acknowledged + 1,
        `expected batch ${acknowledged} or the next one, seen ${number}`,
      );
    }
    await using db = await FastKV.open(folder);
    await db.clear();
    await db.put("a", 1);
    await db.batch([
      { type: "put", key: "b", value: 2 },
      { type: "put", key: "b", value: 3 },
      { type: "del", key: "a" },
    ]);
    assert.deepEqual(await db.scan().toArray(), [["b", 3]]);
    const refused = db.batch([
      { type: "put", key: "c", value: 4 },
      { type: "put", key: "d", value: undefined },
    ]);
    await assert.rejects(refused, { code: "FASTKV_INVALID_VALUE" });
    assert.equal(await db.get("c"), undefined, "a batch with one bad operation wrote the others");
  },
};
