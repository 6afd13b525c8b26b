import { inspect } from "node:util";
import { expect } from "chai";
import type { FastKV } from "../../coordinator/fastkv.js";
import { rejection } from "../support/errors.js";
import { eventually, isRunning, manyKeys, shardPids, useStores } from "./support/stores.js";

describe("Closing a database", () => {
  const stores = useStores();

  it("lets what was called before finish, and leaves no process", async () => {
    const db = await stores().open();
    const pids = await shardPids(db);
    const keys = manyKeys(9000);
    const calls = [
      ...keys.map((key, index) =>
        db.put(key, index, { durability: (["none", "background", "sync"] as const)[index % 3] }),
      ),
      db.batchPut({ x: 1, y: 2, z: 3 }),
    ];
    const reads = Promise.all([db.get("x"), db.getMany(["y", "z"]), db.count(), db.has("q"), db.ttl("x")]);
    const rest = [db.flush(), db.compact(), db.stats(), db.clear({ prefix: "z" })];
    const closed = db.close();
    expect(db.isClosed).to.equal(true);
    expect((await rejection(db.put("late", 1))).code).to.equal("FASTKV_CLOSED");
    await Promise.all(calls);
    await Promise.all(rest);
    expect(await reads).to.deep.equal([1, [2, 3], 9003, false, Number.POSITIVE_INFINITY]);
    await Promise.all([closed, db.close()]);
    expect(pids.filter(isRunning)).to.deep.equal([]);
    const again = await stores().open();
    expect(await again.count()).to.equal(9002);
  });

  it("shows in what is printed of it", async () => {
    const db = await stores().open();
    const line = `{ path: '${db.path}', shardCount: 2, isClosed:`;
    const wide = { breakLength: Number.POSITIVE_INFINITY };
    expect(inspect(db, wide)).to.equal(`FastKV ${line} false }`);
    await db.close();
    expect(inspect({ db }, wide)).to.equal(`{ db: FastKV ${line} true } }`);
  });

  it("ends open scans, read or not, with FASTKV_CLOSED at once", async () => {
    const db = await stores().open();
    await db.batchPut(manyKeys(2000).map((key) => [key, key]));
    const half = db.scan()[Symbol.asyncIterator]();
    await half.next();
    const unread = db.scan();
    const reading = rejection(db.values().toArray());
    await db.close();
    for (const ended of [rejection(half.next()), rejection(unread.toArray()), reading]) {
      expect((await ended).code).to.equal("FASTKV_CLOSED");
    }
    await half.return!();
  });

  it("ends a bulk load whose source never ends, and the next opening knows nothing of it", async () => {
    const db = await stores().open();
    await db.put("a", 1);
    let wasLeft = false;
    const source = (async function* () {
      try {
        yield ["b", 2] as const;
        await new Promise((resolve) => setTimeout(resolve, 60_000).unref());
      } finally {
        wasLeft = true;
      }
    })();
    const load = rejection(db.bulkLoad(source));
    await new Promise((resolve) => setImmediate(resolve));
    await db.close();
    expect((await load).code).to.equal("FASTKV_CLOSED");
    expect(wasLeft).to.equal(false);
    const again = await stores().open();
    expect(await again.keys().toArray()).to.deep.equal(["a"]);
  });

  it("refuses every call afterwards", async () => {
    const db = await stores().open();
    const snapshot = await db.snapshot();
    await db.close();
    const calls: (() => unknown)[] = [
      () => db.put("a", 1),
      () => db.get("a"),
      () => db.getMany(["a"]),
      () => db.has("a"),
      () => db.hasMany(["a"]),
      () => db.ttl("a"),
      () => db.count(),
      () => db.delete("a"),
      () => db.clear(),
      () => db.clear({ limit: 1 }),
      () => db.batch([]),
      () => db.batchPut({}),
      () => db.bulkLoad([]),
      () => db.scan(),
      () => db.keys(),
      () => db.values(),
      () => db.storedEntries(),
      () => db.snapshot(),
      () => db.snapshotSync(),
      () => db.stats(),
      () => db.flush(),
      () => db.compact(),
      () => db.registerClass(class A {}),
      () => snapshot.get("a"),
    ];
    for (const call of calls) {
      expect((await rejection((async () => call())())).code, String(call)).to.equal("FASTKV_CLOSED");
    }
    await snapshot.close();
    await db.close();
  });

  it("closes at the end of a block", async () => {
    let kept: FastKV | undefined;
    {
      await using db = await stores().open();
      await using snapshot = await db.snapshot();
      expect(await snapshot.count()).to.equal(0);
      kept = db;
    }
    expect(kept.isClosed).to.equal(true);
  });

  it("closes while a shard is being started again, and loses nothing", async () => {
    const db = await stores().open();
    const pids = await shardPids(db);
    const written = manyKeys(500).map((key) => db.put(key, key, { durability: "none" }));
    process.kill(pids[0]!, "SIGKILL");
    const more = manyKeys(500, "more").map((key) => db.put(key, key, { durability: "none" }));
    const restart = new Promise((resolve) => db.once("shard-restart", resolve));
    const closed = db.close();
    await Promise.all([...written, ...more, closed]);
    await restart;
    const again = await stores().open();
    expect(await again.count()).to.equal(1000);
  });

  it("restarts no shard because it was closed", async () => {
    for (let round = 0; round < 5; round++) {
      const db = await stores().open();
      let restarts = 0;
      db.on("shard-restart", () => {
        restarts += 1;
      });
      await db.put("a", 1);
      await db.close();
      await new Promise((resolve) => setImmediate(resolve));
      expect(restarts).to.equal(0);
    }
  });

  it("is not disturbed by listeners that throw", async () => {
    const db = await stores().open();
    const uncaught: unknown[] = [];
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => uncaught.push(error));
    try {
      db.on("shard-restart", () => {
        throw new Error("from the listener");
      });
      process.kill((await shardPids(db))[1]!, "SIGKILL");
      await db.batchPut(manyKeys(64).map((key) => [key, 1]));
      await eventually("the error of the listener", () => uncaught.length === 1);
      expect(await db.count()).to.equal(64);
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const listener of others) {
        process.on("uncaughtException", listener);
      }
    }
  });

  it("reports figures with the names that are promised", async () => {
    const db = await stores().open({ shards: 3 });
    await db.batchPut(manyKeys(300).map((key) => [key, key]));
    await db.flush();
    await db.batchPut(manyKeys(10, "other").map((key) => [key, key]));
    await db.get("key-00001");
    await db.get("key-00001");
    const stats = await db.stats();
    expect(stats.total_keys).to.equal(310);
    expect(stats.total_keys_min).to.be.within(1, 310);
    expect(stats.memtable_size).to.be.above(0);
    expect(stats.memtable_keys).to.equal(10);
    expect([stats.immutable_memtables, stats.immutable_keys]).to.deep.equal([0, 0]);
    expect(stats.total_sstables).to.equal(3);
    expect(stats.sstable_stats.level_0).to.include({ files: 3, entries: 300 });
    expect(stats.seq_num).to.equal(2);
    expect(stats).to.include.keys(
      "wal_bytes",
      "compaction_debt_bytes",
      "write_amplification",
      "block_cache",
      "bloom",
      "read_cache",
      "scan_cache",
      "batch_log",
      "in_flight_bytes",
      "snapshots",
      "uptime_ms",
    );
    expect(stats.read_cache.hits).to.equal(1);
    expect(stats.shards.map((shard) => shard.shard)).to.deep.equal([0, 1, 2]);
    expect(new Set(stats.shards.map((shard) => shard.pid)).size).to.equal(3);
    expect(stats.shards[0]).to.include.keys("restarts", "stall", "rss_bytes", "recovery", "synced_seq_num");
    expect(stats.restarts).to.equal(0);
    await db.close();
  });
});
