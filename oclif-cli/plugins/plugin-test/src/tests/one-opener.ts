import assert from "node:assert/strict";
import { FastKV } from "fastkv";
import type { SelfTest } from "../self-test.js";

export const oneOpener: SelfTest = {
  name: "One opener (a second one is refused, a closed database opens again)",
  async run(folder) {
    {
      await using db = await FastKV.open(folder);
      await db.put("a", 1);
      await assert.rejects(FastKV.open(folder), { code: "FASTKV_LOCKED" });
    }
    await using db = await FastKV.open(folder);
    assert.equal(await db.get("a"), 1);
    await db.close();
    await assert.rejects(async () => db.get("a"), { code: "FASTKV_CLOSED" });
  },
};
