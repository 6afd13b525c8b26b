/** Rules that random crashes rarely put to the test: each in the one situation where it matters. */

import { expect } from "chai";
import type { OpenOptions } from "../../../coordinator/calls/options.js";
import { InProcessLauncher } from "../../support/in-process-launcher.js";
import { Random } from "../../support/random.js";
import { SimulatedFileSystem } from "../../support/simulated-file-system.js";
import {
  openSimulated,
  restart,
  type SimulatedStore,
  SteppedClock,
  storeFolder,
  tinySettings,
} from "../../support/simulated-store.js";
import { Oracle } from "./oracle.js";

/** Far longer than any of these tests takes. */
const never = 3000;

class Machine {
  disk = new SimulatedFileSystem({ random: new Random(7), maxAsyncTurns: 2, folders: ["/data"] });
  readonly #clock = new SteppedClock();
  #launcher: InProcessLauncher | undefined;

  open(options: OpenOptions = {}): Promise<SimulatedStore> {
    this.#launcher = new InProcessLauncher(this.disk, { settings: tinySettings });
    const all = { shards: 2, maxMemtableSize: 64 * 1024, readCacheSize: 0, scanCacheSize: 0, ...options };
    return openSimulated(this.disk, this.#clock, all, this.#launcher);
  }

  async losePower(): Promise<void> {
    await this.#launcher?.close();
    this.disk = restart(this.disk, new Random(8), "dropAll");
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) {
    await turns(1);
  }
}

/** A key in each of two shards. */
function keyIn(shard: number, name: string): string {
  const oracle = new Oracle(2);
  for (let n = 0; ; n++) {
    const key = `${name}${n}`;
    if (oracle.shardOf(key) === shard) {
      return key;
    }
  }
}

describe("a rule for the order of writes", () => {
  it("keeps what is put in the same turn behind a clear, also when it is flushed", async () => {
    const { db } = await new Machine().open();
    await Promise.all([db.put("key", 1), db.clear(), db.put("key", 2)]);
    await db.flush();
    expect(await db.get("key")).to.equal(2);
    await db.close();
  });

  it("keeps a delete that is flushed above an older put in level 0", async () => {
    const { db } = await new Machine().open();
    await db.put("key", 1);
    await db.flush();
    await db.delete("key");
    await db.flush();
    expect(await db.get("key")).to.equal(undefined);
    await db.close();
  });

  it("keeps whole tables that a clear hides for as long as a snapshot sees them", async () => {
    const { db } = await new Machine().open({ shards: 1 });
    await db.batchPut(Array.from({ length: 400 }, (_, n) => [`key${n}`, n] as const));
    await db.flush();
    const snapshot = await db.snapshot();
    await db.clear();
    await db.flush();
    await turns(50);
    expect(await snapshot.scan().toArray()).to.have.length(400);
    await snapshot.close();
    await db.compact();
    expect(await db.count()).to.equal(0);
    await db.close();
  });

  it("syncs a full WAL segment before the next one takes writes", async () => {
    const machine = new Machine();
    const { db } = await machine.open({ shards: 1, syncInterval: never });
    // What the WAL holds must not be in tables as well.
    machine.disk.failNext({ operation: "create", path: /\.sst$/, times: 1000 }, "ENOSPC");
    await Promise.all(Array.from({ length: 25 }, (_, n) => db.put(`key${n}`, "v".repeat(4000))));
    await db.put("last", 1, { durability: "sync" });
    await machine.losePower();
    const after = await machine.open({ shards: 1 });
    expect(await after.db.count()).to.equal(26);
    await after.db.close();
  });

  it("takes writes on while a flush rotates the WAL, and none is lost with the power", async () => {
    const machine = new Machine();
    const { db } = await machine.open({ syncInterval: never });
    const flushes: Promise<void>[] = [];
    for (let n = 0; n < 60; n++) {
      void db.put(`key${n}`, n);
      if (n % 5 === 0) {
        flushes.push(db.flush());
      }
      await turns(1);
    }
    await db.put("last", "x", { durability: "sync" });
    await db.put(keyIn(0, "last"), "x", { durability: "sync" });
    await db.put(keyIn(1, "last"), "x", { durability: "sync" });
    await Promise.all(flushes);
    await machine.losePower();
    const after = await machine.open();
    expect(await after.db.count({ prefix: "key" })).to.equal(60);
    await after.db.close();
  });
});

describe("a rule for batches over several shards", () => {
  it("does not let a flush wait for news that stand behind a stalled write", async () => {
    const { db } = await new Machine().open({ syncInterval: 20 });
    const value = "v".repeat(4000);
    const writes: Promise<void>[] = [];
    for (let n = 0; n < 700; n++) {
      writes.push(
        db.batchPut([
          [keyIn(0, "a"), n],
          [keyIn(1, "b"), n],
        ]),
        db.put(`key${n}`, value),
      );
    }
    await Promise.all(writes);
    expect(await db.count()).to.equal(702);
    await db.close();
  });

  it("tells a shard that starts how far the batch log is on disk, so that it can flush", async () => {
    const machine = new Machine();
    const { db } = await machine.open();
    await db.batchPut([
      [keyIn(0, "a"), 1],
      [keyIn(1, "b"), 1],
    ]);
    await db.close();
    const again = await machine.open();
    await again.db.flush();
    again.launcher.kill(0);
    await again.db.flush();
    expect(await again.db.count()).to.equal(2);
    await again.db.close();
  });

  it("keeps the log that a flush has left for a new one while a shard lacks a batch of it on disk", async () => {
    const machine = new Machine();
    const { db } = await machine.open({ syncInterval: never });
    const [a, b] = [keyIn(0, "a"), keyIn(1, "b")];
    const pair = (value: unknown): [string, unknown][] => [
      [a, value],
      [b, value],
    ];
    const logs = (): string[] =>
      machine.disk.list(storeFolder).filter((name) => name.startsWith("batch-log"));
    await db.batchPut(pair("v".repeat(100_000)), { durability: "sync" });
    const flushed = db.flush();
    await db.batchPut(pair("last"));
    await flushed;
    expect(logs()).to.deep.equal(["batch-log-000001", "batch-log-000002"]);
    await machine.losePower();
    const after = await machine.open();
    expect(await after.db.getMany([a, b])).to.deep.equal(["last", "last"]);
    await after.db.batchPut(pair("v".repeat(100_000)));
    await after.db.flush();
    expect(logs()).to.deep.equal(["batch-log-000004"]);
    await after.db.batchPut(pair("v".repeat(100_000)));
    await after.db.close();
    expect(logs()).to.deep.equal(["batch-log-000005"]);
  });

  it("keeps a batch out of tables until its record is on disk, also in a shard that was started anew", async () => {
    const machine = new Machine();
    const { db, launcher } = await machine.open({ syncInterval: never });
    const [a, b] = [keyIn(0, "a"), keyIn(1, "b")];
    launcher.kill(0);
    await turns(5);
    expect(await db.get(a)).to.equal(undefined);
    await db.batchPut([
      [a, 1],
      [b, 1],
    ]);
    db.flush().catch(() => undefined);
    await turns(100);
    await machine.losePower();
    const after = await machine.open();
    const found = await after.db.getMany([a, b]);
    expect(found[0], "half a batch").to.equal(found[1]);
    await after.db.close();
  });

  it("cuts a batch that the log lost, and all behind it in the same shard", async () => {
    const machine = new Machine();
    const { db } = await machine.open();
    const name = machine.disk.files().find((path) => path.includes("batch-log-"))!;
    const withoutBatch = Buffer.from(machine.disk.contentOf(name));
    const [a, before, behind] = [keyIn(0, "a"), keyIn(0, "before"), keyIn(0, "behind")];
    await db.put(before, 1);
    await db.batchPut([
      [a, 1],
      [keyIn(1, "b"), 1],
    ]);
    await db.put(behind, 1, { durability: "sync" });
    await machine.losePower();
    // As if the disk had kept the shards' WALs, and the log had not been synced before that.
    machine.disk.install(name, withoutBatch);
    const after = await machine.open();
    expect(await after.db.keys().toArray()).to.deep.equal([before]);
    await after.db.close();
  });

  it("has the name of a new batch log on disk before a batch counts on it", async () => {
    const machine = new Machine();
    await (await machine.open()).db.close();
    const { db } = await machine.open({ syncInterval: never });
    await db.batchPut(
      [
        [keyIn(0, "a"), 1],
        [keyIn(1, "b"), 1],
      ],
      { durability: "sync" },
    );
    await machine.losePower();
    const after = await machine.open();
    expect(await after.db.count()).to.equal(2);
    await after.db.close();
  });

  it("reads over the torn end of a batch log that a newer one has made obsolete", async () => {
    const machine = new Machine();
    const { db } = await machine.open();
    await db.batchPut(
      [
        [keyIn(0, "a"), 1],
        [keyIn(1, "b"), 1],
      ],
      { durability: "sync" },
    );
    await db.close();
    const name = machine.disk.files().find((path) => path.includes("batch-log-"))!;
    const old = Buffer.concat([machine.disk.contentOf(name), Buffer.from("torn")]);
    await (await machine.open()).db.close();
    machine.disk.install(name, old);
    const again = await machine.open();
    expect(await again.db.count()).to.equal(2);
    await again.db.close();
  });
});

describe("a rule for bulk loads", () => {
  it("finds the tables of a load again that is in force but not in the batch log any more", async () => {
    const machine = new Machine();
    const { db, launcher } = await machine.open();
    for (let round = 0; round < 2; round++) {
      await db.bulkLoad([
        ["a", round],
        ["b", round],
        ["c", round],
        ["d", round],
      ]);
      launcher.kill(0);
      launcher.kill(1);
      expect(await db.count()).to.equal(4);
    }
    await db.compact();
    await db.close();
    const again = await machine.open();
    expect(await again.db.get("a")).to.equal(1);
    await again.db.close();
  });

  it("flushes nothing that is newer than a load before the manifest has the load", async () => {
    const machine = new Machine();
    const { db } = await machine.open({ shards: 1, syncInterval: never });
    const noRoom = machine.disk.failNext({ operation: "write", path: /MANIFEST/ }, "ENOSPC");
    await db.bulkLoad(["a", "b", "c", "d"].map((key) => [key, "loaded"] as const));
    // Its entry in the manifest is tried again some time later, and memtables fill up meanwhile.
    await until(async () => noRoom.hits === 1);
    let puts = 0;
    await until(async () => {
      for (let n = 0; n < 8; n++) {
        void db.put(`key${puts++}`, "v".repeat(4000));
      }
      return (await db.stats()).shards[0]!.flushes > 0;
    });
    await machine.losePower();
    const after = await machine.open({ shards: 1 });
    expect(await after.db.getMany(["a", "b", "c", "d"])).to.deep.equal(Array(4).fill("loaded"));
    await after.db.close();
  });

  it("takes nothing that is in tables from the WAL again, where a full disk put it into a later segment", async () => {
    const machine = new Machine();
    const { db } = await machine.open({ syncInterval: never });
    const [loaded, batched, behind] = [keyIn(0, "loaded"), keyIn(0, "batched"), keyIn(0, "behind")];
    const segments = (): string[] => machine.disk.files().filter((path) => /shard-000.*\.wal$/.test(path));
    const [first] = segments();
    machine.disk.failNext({ operation: "write", path: first!, times: Number.POSITIVE_INFINITY }, "EFBIG");
    // What the batch log has no shard may refuse: the memtable takes it, and the WAL owes it.
    const load = db.bulkLoad([[loaded, 1]]);
    await until(async () => (await db.get(loaded)) === 1);
    await db.batchPut([
      [batched, 1],
      [keyIn(1, "batched"), 1],
    ]);
    // A new segment has room, and gets what is owed before the memtable is flushed.
    const noRoom = machine.disk.failNext({ operation: "create", path: /shard-000.*\.sst$/ }, "ENOSPC");
    db.flush().catch(() => undefined);
    await until(async () => segments().length > 1);
    await db.put(behind, 1, { durability: "sync" });
    await load;
    await until(async () => noRoom.hits === 1 && !segments().includes(first!));
    await machine.losePower();
    const after = await machine.open();
    expect(await after.db.getMany([loaded, batched, behind])).to.deep.equal([1, 1, 1]);
    await after.db.close();
  });
});
