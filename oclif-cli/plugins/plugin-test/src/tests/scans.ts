import assert from "node:assert/strict";
import { FastKV } from "fastkv";
import type { SelfTest } from "../self-test.js";

const count = 3_000;

export const scans: SelfTest = {
  name: "Scans (order, bounds, reverse, limits)",
  async run(folder) {
    await using db = await FastKV.open(folder);
    const keys = Array.from({ length: count }, (_, index) => `k:${String(index).padStart(5, "0")}`);
    await db.batchPut(keys.toReversed().map((key): [string, string] => [key, key]));
    await db.put("j", 0);
    await db.put("l", 0);
    const read = async (options: Parameters<typeof db.scan>[0]): Promise<unknown[]> =>
      (await db.scan(options).toArray()).map(([key]) => key);
    assert.deepEqual(await read({ prefix: "k:" }), keys);
    assert.deepEqual(await read({ prefix: "k:", reverse: true }), keys.toReversed());
    assert.deepEqual(await read({ gte: keys[10]!, lt: keys[20]! }), keys.slice(10, 20));
    assert.deepEqual(await read({ gt: keys[10]!, lte: keys[20]! }), keys.slice(11, 21));
    assert.deepEqual(await read({ prefix: "k:", reverse: true, limit: 3 }), keys.slice(-3).toReversed());
    assert.deepEqual(await read({ gt: keys[20]!, lt: keys[10]! }), []);
    assert.deepEqual(await read({ limit: 0 }), []);
    assert.equal((await read({})).length, count + 2);
    let seen = 0;
    for await (const _ of db.scan("k:")) {
      if (++seen === 5) {
        break;
      }
    }
    // The order is that of the UTF-8 bytes, not of UTF-16 code units.
    await db.batchPut([
      ["o:\u{1f600}", 1],
      ["o:\uffee", 2],
      ["o:z", 3],
    ]);
    assert.deepEqual(await read({ prefix: "o:" }), ["o:z", "o:\uffee", "o:\u{1f600}"]);
  },
};
