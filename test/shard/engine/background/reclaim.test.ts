import { expect } from "chai";
import type { FastKV } from "../../../../coordinator/fastkv.js";
import { Random } from "../../../support/random.js";
import { SimulatedFileSystem } from "../../../support/simulated-file-system.js";
import { openSimulated, SteppedClock } from "../../../support/simulated-store.js";

describe("What nobody needs any more", () => {
  const keys = Array.from({ length: 20 }, (_, at) => `key-${at}`);

  function emptyDisk(): SimulatedFileSystem {
    return new SimulatedFileSystem({ random: new Random(1), folders: ["/data"] });
  }

  function putAll(db: FastKV, value: string): Promise<void> {
    return db.batchPut(keys.map((key) => [key, value]));
  }

  async function entries(db: FastKV): Promise<number> {
    const { sstable_stats: levels } = await db.stats();
    return Object.values(levels).reduce((sum, level) => sum + level.entries, 0);
  }

  it("goes with compact, also where one level has everything: versions that a snapshot has seen", async () => {
    const { db } = await openSimulated(emptyDisk(), new SteppedClock(), { shards: 1 });
    await putAll(db, "old");
    const snapshot = await db.snapshot();
    await putAll(db, "new");
    await db.compact();
    expect(await entries(db)).to.equal(2 * keys.length);
    await snapshot.close();
    await db.compact();
    expect(await entries(db)).to.equal(keys.length);
    await db.close();
  });

  it("goes with compact after a change of the compression: tables are written again, once", async () => {
    const disk = emptyDisk();
    const clock = new SteppedClock();
    const first = (await openSimulated(disk, clock, { shards: 1, compression: "lz4" })).db;
    const shard = `${first.path}/shard-000`;
    const tables = (): string[] => disk.list(shard).filter((name) => name.endsWith(".sst"));
    await putAll(first, "v".repeat(500));
    await first.compact();
    await first.close();
    const compressed = tables();
    const { db } = await openSimulated(disk, clock, { shards: 1, compression: "none" });
    await db.compact();
    const plain = tables();
    expect(plain).to.not.deep.equal(compressed);
    await db.compact();
    expect(tables()).to.deep.equal(plain);
    await db.close();
  });

  it("goes with compact also where no write has told the shard the time: what has expired", async () => {
    const clock = new SteppedClock();
    const { db } = await openSimulated(emptyDisk(), clock, { shards: 1 });
    await db.bulkLoad(keys.map((key) => ({ key, value: "v", ttl: 1000 })));
    expect(await entries(db)).to.equal(keys.length);
    clock.nowMs += 2000;
    await db.compact();
    expect(await entries(db)).to.equal(0);
    await db.close();
  });

  it("goes by itself: clears of what was only in memory do not pile up", async () => {
    const { db } = await openSimulated(emptyDisk(), new SteppedClock(), { shards: 1 });
    for (let round = 0; round < 30; round++) {
      await putAll(db, "v");
      await db.clear();
      await db.flush();
    }
    const [shard] = (await db.stats()).shards;
    expect(shard!.range_deletes).to.be.at.most(2);
    await db.compact();
    expect((await db.stats()).shards[0]!.range_deletes).to.equal(0);
    await db.close();
  });
});
