import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { FastKV } from "fastkv";
import type { SelfTest } from "../self-test.js";

export const expiry: SelfTest = {
  name: "Expiry (TTL, also over a restart)",
  async run(folder) {
    {
      await using db = await FastKV.open(folder);
      await db.put("short", 1, { ttl: 400 });
      await db.put("long", 2, { ttl: 3_600_000 });
      await db.put("never", 3);
      assert.equal(await db.get("short"), 1);
      const left = await db.ttl("long");
      assert.ok(
        left !== undefined && left > 3_500_000 && left <= 3_600_000,
        `expected about an hour, seen ${left} ms`,
      );
    }
    await using db = await FastKV.open(folder);
    await delay(450);
    assert.equal(await db.get("short"), undefined);
    assert.deepEqual(await db.scan().toArray(), [
      ["long", 2],
      ["never", 3],
    ]);
    assert.equal(await db.count(), 2);
  },
};
