import { once } from "node:events";
import { expect } from "chai";
import type { FastKV } from "../../../coordinator/fastkv.js";
import { verifyIn } from "../../../coordinator/maintenance/verify.js";
import { rejection } from "../../support/errors.js";
import { itWithRandom, type Random } from "../../support/random.js";
import { SimulatedFileSystem } from "../../support/simulated-file-system.js";
import {
  maintenanceOn,
  openSimulated,
  restart,
  type SimulatedStore,
  SteppedClock,
  storeFolder,
} from "../../support/simulated-store.js";

/** Over both shards. */
const keys = Array.from({ length: 16 }, (_, i) => `key-${i}`);
const batch = (value: string): [string, string][] => keys.map((key) => [key, value]);
const times = 1_000_000;

/** No sync runs by itself. */
const options = { shards: 2, syncInterval: 60_000 };

function newDisk(random: Random): SimulatedFileSystem {
  return new SimulatedFileSystem({ random, maxAsyncTurns: 3, folders: ["/data"] });
}

function open(disk: SimulatedFileSystem): Promise<SimulatedStore> {
  return openSimulated(disk, new SteppedClock(), options);
}

async function afterPowerCut(disk: SimulatedFileSystem, random: Random): Promise<FastKV> {
  return (await open(restart(disk, random, "dropAll"))).db;
}

async function expectInDoubt(closing: Promise<void>, code: string, message = /may be lost/): Promise<void> {
  const error = await rejection(closing);
  expect({ code: error.code, outcome: error.writeOutcome }).to.deep.equal({ code, outcome: "in-doubt" });
  expect(error.message).to.match(message);
}

describe("Closing a database whose batch log has failed", () => {
  /**
   * Puts and a batch were acknowledged as written; then the log can be neither synced nor replaced. One shard has synced
   * what it took, the other has not.
   */
  async function becomeReadOnly(disk: SimulatedFileSystem): Promise<FastKV> {
    const { db } = await open(disk);
    await Promise.all(keys.map((key) => db.put(`${key}-alone`, "acknowledged")));
    await db.batchPut(batch("acknowledged"));
    disk.failNext({ operation: "sync", path: /batch-log/, times }, "EIO");
    const error = await rejection(db.put("in doubt", 1, { durability: "sync" }));
    expect({ code: error.code, outcome: error.writeOutcome }).to.deep.equal({
      code: "FASTKV_READ_ONLY",
      outcome: "in-doubt",
    });
    return db;
  }

  async function valuesAfterPowerCut(disk: SimulatedFileSystem, random: Random) {
    const db = await afterPowerCut(disk, random);
    const batched = new Set(await db.getMany(keys));
    const single = new Set(await db.getMany(keys.map((key) => `${key}-alone`)));
    await db.close();
    return { batched, single };
  }

  itWithRandom("syncs everything, where the disk takes the log again", async (random) => {
    const disk = newDisk(random);
    const db = await becomeReadOnly(disk);
    disk.clearFaults();
    await db.close();
    const { batched, single } = await valuesAfterPowerCut(disk, random);
    expect(single).to.deep.equal(new Set(["acknowledged"]));
    expect(batched).to.deep.equal(new Set(["acknowledged"]));
  });

  for (const [code, told] of [
    ["EIO", "FASTKV_READ_ONLY"],
    ["ENOSPC", "FASTKV_NO_SPACE"],
  ] as const) {
    itWithRandom(
      `syncs the shards, and says that writes may be lost where ${code} goes on`,
      async (random) => {
        const disk = newDisk(random);
        const db = await becomeReadOnly(disk);
        disk.clearFaults();
        disk.failNext({ operation: "sync", path: /batch-log/, times }, code);
        await expectInDoubt(db.close(), told);
        const { batched, single } = await valuesAfterPowerCut(disk, random);
        expect(single).to.deep.equal(new Set(["acknowledged"]));
        expect(batched.size, [...batched].join()).to.equal(1);
      },
    );

    itWithRandom(`tells of a batch that nobody awaited and has no record (${code})`, async (random) => {
      const disk = newDisk(random);
      const { db } = await open(disk);
      await db.batchPut(batch("old"), { durability: "sync" });
      disk.failNext({ operation: "write", path: /batch-log/, times }, code);
      await db.batchPut(batch("new"), { durability: "none" });
      await expectInDoubt(db.close(), told);
    });

    itWithRandom(`waits for no clear that comes to its deletes behind that (${code})`, async (random) => {
      const disk = newDisk(random);
      const { db } = await openSimulated(disk, new SteppedClock(), { ...options, shards: 3 });
      await db.batchPut(Array.from({ length: 12_000 }, (_, i) => [`p-${i}`, 1] as const));
      disk.failNext({ operation: "write", path: /batch-log/, times }, code);
      // The deletes of a single key are no batch over shards, but stand behind one.
      const clears = keys.map((_, i) => rejection(db.clear({ prefix: `p-${i + 1000}`, limit: 1 })));
      const refused = rejection(db.batchPut(batch("new")));
      await expectInDoubt(db.close(), told);
      expect((await refused).writeOutcome).to.equal("in-doubt");
      for (const { writeOutcome } of await Promise.all(clears)) {
        expect(writeOutcome).to.be.oneOf(["in-doubt", "not-applied"]);
      }
    });
  }

  itWithRandom("says so where a shard cannot sync either", async (random) => {
    const disk = newDisk(random);
    const db = await becomeReadOnly(disk);
    disk.clearFaults();
    disk.failNext({ operation: "sync", path: /shard-.*\.wal/, times }, "EIO");
    const error = await rejection(db.close());
    // It fails at the closing, or in a sync under way, and is then started anew until it is given up.
    expect(error.code).to.be.oneOf(["FASTKV_IO", "FASTKV_SHARD_UNAVAILABLE"]);
    expect(error.writeOutcome).to.equal("in-doubt");
  });
});

describe("Closing a database whose shard is in trouble", function () {
  this.timeout(30_000);

  /** Ends shard 0 whenever it has been started, until no other is. */
  async function giveUp({ db, launcher }: SimulatedStore): Promise<void> {
    let isFailed = false;
    db.once("shard-failed", () => {
      isFailed = true;
    });
    while (!isFailed) {
      launcher.kill(0);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  itWithRandom("tells of what a shard that was given up had not synced", async (random) => {
    const disk = newDisk(random);
    const store = await open(disk);
    await Promise.all(keys.map((key) => store.db.put(key, "acknowledged")));
    disk.failNext({ operation: "sync", path: /shard-000.*\.wal/, times }, "EIO");
    const failed = once(store.db, "shard-failed");
    const synced = keys.map((key) => store.db.put(key, "synced", { durability: "sync" }));
    await Promise.all([failed, Promise.allSettled(synced)]);
    await expectInDoubt(store.db.close(), "FASTKV_SHARD_UNAVAILABLE", /died 6 times/);
  });

  itWithRandom("is silent where one that was given up had synced all", async (random) => {
    const store = await open(newDisk(random));
    await Promise.all(keys.map((key) => store.db.put(key, "synced", { durability: "sync" })));
    await giveUp(store);
    await store.db.close();
  });

  itWithRandom("waits for no room where one that is being started again has too little", async (random) => {
    for (const freeBytes of [500, 1000, 2000, 4000]) {
      const disk = newDisk(random);
      const { db, launcher } = await openSimulated(disk, new SteppedClock(), { ...options, shards: 1 });
      // The first start comes at once, the next one behind a pause.
      for (const _ of [1, 2]) {
        await db.put("a", "x".repeat(50), { durability: "sync" });
        const down = once(db, "shard-restart");
        launcher.kill(0);
        await down;
      }
      const puts = keys.map((key) => rejection(db.put(key, "x".repeat(2000))));
      disk.setFreeBytes(freeBytes);
      await expectInDoubt(db.close(), "FASTKV_NO_SPACE", /no room/);
      for (const { writeOutcome } of await Promise.all(puts)) {
        expect(writeOutcome).to.equal("in-doubt");
      }
    }
  });

  itWithRandom("waits for no timer behind a flush that a shard started anew does again", async (random) => {
    const { db, launcher } = await open(newDisk(random));
    await db.put("a", 1);
    const flushed = db.flush();
    const batched = db.batchPut(batch("new"));
    launcher.kill(0);
    launcher.kill(1);
    // The test would take a minute otherwise, and fail.
    await Promise.all([flushed, batched, db.close()]);
  });

  itWithRandom(
    "is silent where only parts of batches have no room, since the batch log has them",
    async (random) => {
      const disk = newDisk(random);
      const { db } = await open(disk);
      disk.failNext({ operation: "write", path: /shard-000.*\.wal/, times }, "ENOSPC");
      await db.batchPut(batch("new"), { durability: "sync" });
      await db.close();
      const again = await afterPowerCut(disk, random);
      expect(new Set(await again.getMany(keys))).to.deep.equal(new Set(["new"]));
      await again.close();
    },
  );

  for (const code of ["EIO", "ENOSPC"] as const) {
    itWithRandom(`counts on no file that could not be made (${code})`, async (random) => {
      const disk = newDisk(random);
      const { db } = await open(disk);
      await db.batchPut(batch("old"), { durability: "sync" });
      disk.failNext({ operation: "sync", path: /shard-000.*\.wal/ }, code);
      // The segment that is to be next, or else the one that is written.
      await db.flush().catch(() => undefined);
      await db.batchPut(batch("new"), { durability: "sync" });
      await db.close();
      const left = restart(disk, random, "dropAll");
      const report = await verifyIn(storeFolder, maintenanceOn(left));
      expect(report.isSound, JSON.stringify(report.findings)).to.equal(true);
      const { db: again } = await open(left);
      expect(new Set(await again.getMany(keys))).to.deep.equal(new Set(["new"]));
      await again.close();
    });
  }
});

describe("Closing a database whose clear is under way on a disk without room", () => {
  const padding = "p".repeat(150);
  const names = Array.from({ length: 3_000 }, (_, i) => `key-${padding}-${i}`);

  /** Little may be in flight: the clear waits for its shards. */
  async function openFilled(disk: SimulatedFileSystem): Promise<FastKV> {
    const { db } = await openSimulated(disk, new SteppedClock(), { ...options, maxInFlightBytes: 64 * 1024 });
    for (let from = 0; from < names.length; from += 250) {
      await db.batchPut(names.slice(from, from + 250).map((name) => [name, 1]));
    }
    return db;
  }

  for (const shards of [/shard-.*\.wal/, /shard-000.*\.wal/]) {
    itWithRandom(`does not wait for room in ${shards}`, async (random) => {
      const disk = newDisk(random);
      const db = await openFilled(disk);
      disk.failNext({ operation: "write", path: shards, times }, "ENOSPC");
      const clear = db.clear({ limit: 2_900 });
      await Promise.all([db.close(), clear]);
      const { db: later } = await open(restart(disk, random, "keepAll"));
      expect(await later.count()).to.equal(100);
      await later.close();
    });
  }

  for (const code of ["ENOSPC", "EIO"] as const) {
    itWithRandom(`nor where the batch log cannot be synced either (${code})`, async (random) => {
      const disk = newDisk(random);
      const db = await openFilled(disk);
      disk.failNext({ operation: "write", path: /shard-.*\.wal/, times }, "ENOSPC");
      disk.failNext({ operation: "sync", path: /batch-log/, times }, code);
      const clear = rejection(db.clear({ limit: 2_900 }, { durability: "sync" }));
      await expectInDoubt(db.close(), code === "EIO" ? "FASTKV_READ_ONLY" : "FASTKV_NO_SPACE");
      expect((await clear).writeOutcome).to.equal("in-doubt");
    });
  }
});
