import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";
import { FastKV } from "fastkv";
import type { SelfTest } from "../self-test.js";

const writers = 8;
const rounds = 200;

export const concurrency: SelfTest = {
  name: "Asynchronous and concurrent use",
  async run(folder) {
    await using db = await FastKV.open(folder);
    // Effects follow the order of the calls, awaited or not.
    const results: Promise<unknown>[] = [];
    for (let index = 0; index < 1_000; index++) {
      void db.put("counter", index);
      results.push(db.get("counter"));
    }
    assert.deepEqual(
      await Promise.all(results),
      Array.from({ length: 1_000 }, (_, index) => index),
    );

    // Readers never see a number decrease while writers count up.
    let writing = true;
    const readers = Array.from({ length: writers }, async (_, writer) => {
      for (let last = -1; writing; ) {
        const seen = ((await db.get(`writer:${writer}`)) as number | undefined) ?? -1;
        assert.ok(seen >= last, `expected at least ${last}, seen ${seen}: a read went back in time`);
        last = seen;
        // A cached value is returned immediately: without a pause this loop would give the writers no turn.
        await nextTurn();
      }
    });
    await Promise.all(
      Array.from({ length: writers }, async (_, writer) => {
        for (let round = 0; round < rounds; round++) {
          await db.put(`writer:${writer}`, round);
        }
      }),
    );
    writing = false;
    await Promise.all(readers);
    assert.equal(await db.count({ prefix: "writer:" }), writers);
  },
};
