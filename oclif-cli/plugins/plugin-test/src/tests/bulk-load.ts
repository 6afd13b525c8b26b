import assert from "node:assert/strict";
import { FastKV } from "fastkv";
import type { SelfTest } from "../self-test.js";

const count = 20_000;

export const bulkLoad: SelfTest = {
  name: "Bulk load (unsorted, with duplicates, over data that is there)",
  async run(folder) {
    await using db = await FastKV.open(folder);
    await db.put("bulk:00007", "old");
    await db.put("other", "stays");
    await db.bulkLoad(entries());
    assert.equal(await db.count({ prefix: "bulk:" }), count);
    assert.equal(await db.get("bulk:00007"), 7);
    assert.equal(await db.get("bulk:00000"), "the last one wins");
    assert.equal(await db.get("other"), "stays");
    async function* broken(): AsyncGenerator<[string, unknown]> {
      yield ["broken:1", 1];
      throw new Error("the source broke");
    }
    await assert.rejects(async () => db.bulkLoad(broken()));
    assert.equal(await db.count({ prefix: "broken:" }), 0, "a load that failed left something behind");
  },
};

function* entries(): Generator<[string, unknown]> {
  for (let index = 0; index < count; index++) {
    // 7,919 and the count have no common divisor: each number comes once, in scattered order.
    const number = (index * 7_919) % count;
    yield [`bulk:${String(number).padStart(5, "0")}`, number];
  }
  yield ["bulk:00000", "the last one wins"];
}
