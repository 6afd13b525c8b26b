import assert from "node:assert/strict";
import { FastKV } from "fastkv";
import type { SelfTest } from "../self-test.js";

export const basicOperations: SelfTest = {
  name: "Basic operations",
  async run(folder) {
    await using db = await FastKV.open(folder);
    await db.put("user:1", { name: "Alice", active: true });
    assert.deepEqual(await db.get("user:1"), { name: "Alice", active: true });
    await db.put("user:1", "overwritten");
    assert.equal(await db.get("user:1"), "overwritten");
    assert.equal(await db.has("user:1"), true);
    assert.equal(await db.get("missing"), undefined);
    assert.equal(await db.has("missing"), false);

    const values = [null, "", 0, false, [], {}, "é 𝄞 \u0000", Number.MAX_SAFE_INTEGER];
    for (const [index, value] of values.entries()) {
      await db.put(`value:${index}`, value);
    }
    const keys = values.map((_, index) => `value:${index}`);
    assert.deepEqual(await db.getMany([...keys, "missing"]), [...values, undefined]);
    assert.equal(await db.count({ prefix: "value:" }), values.length);

    const binaryKey = new Uint8Array([0, 255, 128]);
    await db.put(binaryKey, "binary key");
    assert.equal(await db.get(binaryKey), "binary key");
    await db.put("", "empty key");
    assert.equal(await db.get(""), "empty key");

    await db.delete("user:1");
    await db.delete("never there");
    assert.equal(await db.get("user:1"), undefined);
    assert.equal(await db.count(), values.length + 2);
    await db.clear();
    assert.equal(await db.count(), 0);
  },
};
