import fs from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { manyKeys, useStores } from "../../api/support/stores.js";
import { itWithRandom } from "../../support/random.js";
import { SimulatedFileSystem } from "../../support/simulated-file-system.js";
import { openSimulated, SteppedClock } from "../../support/simulated-store.js";

describe("The files of the batch log", () => {
  const stores = useStores();

  it("are one after each opening: what a crash left of others goes, and nobody else's file", async () => {
    const pairs = manyKeys(64).map((key): [string, number] => [key, 1]);
    const first = await stores().open();
    await first.batchPut(pairs);
    await first.close();
    const { folder } = stores();
    for (const name of ["batch-log-000002.tmp", "batch-log-000009.tmp", "batch-log-notes.tmp"]) {
      fs.writeFileSync(path.join(folder, name), "half a record");
    }
    const again = await stores().open();
    expect(fs.readdirSync(folder).filter((name) => name.startsWith("batch-log"))).to.deep.equal([
      "batch-log-000002",
      "batch-log-notes.tmp",
    ]);
    await again.batchPut(pairs);
    expect(await again.count()).to.equal(64);
  });

  it("are synced, and left for new ones, while batches of several callers never cease", async () => {
    const db = await stores().open({ shards: 4 });
    const keys = manyKeys(8);
    const aTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    const endMs = performance.now() + 20_000;
    let isEnough = false;
    const writers = Array.from({ length: 64 }, async (_, writer) => {
      for (let turn = 0; turn < writer; turn++) {
        await aTurn();
      }
      while (!isEnough && performance.now() < endMs) {
        await db.batchPut(keys.map((key) => [`${writer}-${key}`, "v".repeat(100)]));
        await aTurn();
      }
    });
    await db.batchPut(keys.map((key) => [key, 1]));
    for (let round = 0; round < 3; round++) {
      await db.batchPut(
        keys.map((key) => [key, round]),
        { durability: "sync" },
      );
      await db.put("single", round, { durability: "sync" });
      await db.flush();
    }
    expect(performance.now(), "while they went on").to.be.below(endMs);
    isEnough = true;
    await Promise.all(writers);
    await db.flush();
    const { batch_log: log } = await db.stats();
    expect(log.bytes).to.be.below(64 * 1024);
    await db.close();
  });

  it("are synced for a flush, however long the interval is", async () => {
    const db = await stores().open({ syncInterval: 60_000 });
    await db.batchPut(manyKeys(64).map((key) => [key, 1]));
    await db.flush();
    const { total_sstables: tables } = await db.stats();
    expect(tables).to.be.above(0);
    await db.close();
  });

  itWithRandom(
    "are synced for puts that want it, also behind batches that come meanwhile",
    async (random) => {
      for (let bout = 0; bout < 30; bout++) {
        const disk = new SimulatedFileSystem({ random, maxAsyncTurns: 4, folders: ["/data"] });
        const { db } = await openSimulated(disk, new SteppedClock(), { shards: 2, syncInterval: 60_000 });
        const keys = manyKeys(8);
        const calls: Promise<void>[] = [];
        for (let round = 0; round < 6; round++) {
          calls.push(db.batchPut(keys.map((key) => [key, round])));
          calls.push(db.put(random.pick(keys), round, { durability: "sync" }));
          for (let turns = random.int(4); turns > 0; turns--) {
            await new Promise((resolve) => setImmediate(resolve));
          }
        }
        // The test would take a minute otherwise, and fail.
        await Promise.all(calls);
        await db.close();
      }
    },
  );
});
