import assert from "node:assert/strict";
import { FastKV } from "fastkv";
import { writeUntilKilled } from "../child.js";
import type { SelfTest } from "../self-test.js";

const rounds = 2;
const writesPerRound = 500;

export const crashRecovery: SelfTest = {
  name: "Crash recovery (kill -9 of a program that writes, and of its shards)",
  async run(folder) {
    for (let round = 1; round <= rounds; round++) {
      const { acknowledged } = await writeUntilKilled(folder, "puts", writesPerRound * round);
      await using db = await FastKV.open(folder);
      const numbers = Array.from({ length: acknowledged }, (_, index) => index + 1);
      const found = await db.getMany(numbers.map((number) => `put:${number}`));
      const lost = numbers.filter((number, index) => found[index] !== number);
      assert.deepEqual(
        lost,
        [],
        `writes that were acknowledged before kill -9 and are lost (of ${acknowledged})`,
      );
      await db.put("after", round);
      assert.equal(await db.get("after"), round);
    }
  },
};

export const shardRecovery: SelfTest = {
  name: "Shard recovery (kill -9 of a shard while reading and writing)",
  async run(folder) {
    await using db = await FastKV.open(folder);
    const before = await db.stats();
    const writes: Promise<void>[] = [];
    for (let index = 0; index < 2_000; index++) {
      writes.push(db.put(`key:${index}`, index));
      if (index === 1_000) {
        process.kill(before.shards[0]!.pid, "SIGKILL");
      }
    }
    await Promise.all(writes);
    assert.equal(await db.count({ prefix: "key:" }), 2_000);
    const keys = Array.from({ length: 2_000 }, (_, index) => `key:${index}`);
    assert.deepEqual(await db.getMany(keys), Array.from(keys.keys()));
    const after = await db.stats();
    assert.notEqual(after.shards[0]!.pid, before.shards[0]!.pid, "the killed shard was not started again");
  },
};
