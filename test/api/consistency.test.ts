import { expect } from "chai";
import { FastKVError } from "../../coordinator/index.js";
import { rejection } from "../support/errors.js";
import { manyKeys, useSharedStore, useStores } from "./support/stores.js";

describe("Snapshots, order of calls and the read cache", () => {
  const store = useSharedStore();

  it("shows in a snapshot nothing that was called after it, even before its promise resolves", async () => {
    const db = store();
    const keys = manyKeys(64);
    await db.batchPut(keys.map((key) => [key, "old"]));
    void db.put("before", 1, { ttl: 3_600_000 });
    const promise = db.snapshot();
    const later = Promise.all([db.batchPut(keys.map((key) => [key, "new"])), db.delete("before")]);
    const snapshot = await promise;
    await later;
    await db.flush();
    expect(await snapshot.getMany(keys)).to.deep.equal(keys.map(() => "old"));
    expect(await snapshot.get("before")).to.equal(1);
    expect(await snapshot.has("before")).to.equal(true);
    expect(await snapshot.ttl("before")).to.be.within(1, 3_600_000);
    expect(await snapshot.count()).to.equal(65);
    const [stored] = await snapshot.storedEntries("before").toArray();
    expect(stored).to.include({ key: "before", encoding: "json" });
    expect(stored!.expiresAt).to.be.a("number");
    expect((await rejection(snapshot.count("before" as never))).message).to.include('{ prefix: "before" }');
    expect(await snapshot.values("key-").toArray()).to.deep.equal(keys.map(() => "old"));
    expect(await snapshot.keys({ reverse: true, limit: 1 }).toArray()).to.deep.equal(["key-00063"]);
    expect(await db.getMany(keys)).to.deep.equal(keys.map(() => "new"));
    expect(await db.get("key-00000", { snapshot })).to.equal("old");
    expect(await db.count({ prefix: "before", snapshot })).to.equal(1);
    await snapshot.close();
    await snapshot.close();
    expect((await rejection(snapshot.get("before"))).code).to.equal("FASTKV_CLOSED");
    expect(() => snapshot.scan()).to.throw(FastKVError);
  });

  it("takes a snapshot without a promise, of this very moment", async () => {
    const db = store();
    const keys = manyKeys(64);
    void db.batchPut(keys.map((key) => [key, "old"]));
    const snapshot = db.snapshotSync();
    void db.batchPut(keys.map((key) => [key, "new"]));
    expect(await snapshot.values().toArray()).to.deep.equal(keys.map(() => "old"));
    expect(await snapshot.hasMany(keys)).to.deep.equal(keys.map(() => true));
    await snapshot.close();
  });

  it("keeps hundreds of snapshots apart, through flushes and compactions", async () => {
    const db = store();
    const keys = manyKeys(8);
    const snapshots = [];
    for (let version = 0; version < 200; version++) {
      await db.batchPut(keys.map((key) => [key, version]));
      snapshots.push(await db.snapshot());
      if (version % 50 === 49) {
        await db.flush();
      }
    }
    expect((await db.stats()).snapshots).to.equal(200);
    await Promise.all(snapshots.filter((_, version) => version % 2 === 0).map((one) => one.close()));
    await db.compact();
    for (const [version, snapshot] of snapshots.entries()) {
      if (version % 2 === 1) {
        expect(new Set(await snapshot.getMany(keys))).to.deep.equal(new Set([version]));
      }
    }
    await Promise.all(snapshots.map((one) => one.close()));
    const stats = await db.stats();
    expect([stats.snapshots, ...stats.shards.map((shard) => shard.snapshots)]).to.deep.equal([0, 0, 0]);
  });

  it("performs calls in their order, awaited or not", async () => {
    const db = store();
    const reads: Promise<unknown>[] = [];
    const counts: Promise<number>[] = [];
    for (let round = 1; round <= 300; round++) {
      void db.put("x", round);
      reads.push(db.get("x"));
      void db.batchPut({ x: -round, y: round });
      reads.push(db.getMany(["x", "y"]));
      void db.delete("y");
      reads.push(db.has("y"));
      if (round % 50 === 0) {
        void db.put(`z-${round}`, 1);
        counts.push(db.count({ prefix: "z-" }));
        void db.clear({ prefix: "z-" });
        counts.push(db.count({ prefix: "z-" }));
      }
    }
    const expected = Array.from({ length: 300 }, (_, at) => [at + 1, [-at - 1, at + 1], false]).flat();
    expect(await Promise.all(reads)).to.deep.equal(expected);
    expect(await Promise.all(counts)).to.deep.equal(Array(6).fill([1, 0]).flat());
  });

  it("lets the last operation on a key of a batch win", async () => {
    const db = store();
    await db.batch([
      { type: "put", key: "a", value: 1 },
      { type: "del", key: "a" },
      { type: "put", key: "b", value: 1 },
      { type: "put", key: "b", value: 2 },
      { type: "del", key: "c" },
      { type: "put", key: "c", value: 3 },
    ]);
    expect(await db.getMany(["a", "b", "c"])).to.deep.equal([undefined, 2, 3]);
    await db.batchPut(new Map([["m", 1]]));
    await db.batchPut([]);
    await db.batch([]);
    expect(await db.count()).to.equal(3);
  });

  it("never caches the old value of a key that is written while it is read", async () => {
    const db = store();
    const bytes = new TextEncoder().encode("ключ");
    await db.put("ключ", 0);
    for (let round = 1; round < 40; round++) {
      const early = db.get("ключ");
      await new Promise((resolve) => setImmediate(resolve));
      const late = [db.get(bytes), db.get("ключ")];
      await early;
      await [
        () => db.put(bytes, round),
        () => db.batch([{ type: "put", key: "ключ", value: round }]),
        () => db.batchPut([["ключ", round], ...manyKeys(20).map((key) => [key, 1] as const)]),
        () => db.bulkLoad([["ключ", round]]),
      ][round % 4]!();
      await Promise.all(late);
      expect(await db.get("ключ")).to.equal(round);
      expect(await db.get(bytes)).to.equal(round);
      expect(await db.get(bytes)).to.equal(round);
    }
    await db.clear({ prefix: bytes });
    expect(await db.get("ключ")).to.equal(undefined);
    expect(await db.get("ключ")).to.equal(undefined);
    await db.put("ключ", 1);
    expect(await db.get("ключ")).to.equal(1);
    await db.delete(bytes);
    expect(await db.get("ключ")).to.equal(undefined);
    const { read_cache: cache } = await db.stats();
    expect(cache.hits).to.be.above(0);
  });

  it("lets values expire, from the cache too, in every kind of read", async () => {
    const db = store();
    await db.put("short", 1, { ttl: 60 });
    await db.batchPut({ long: 2, longer: 3 }, { ttl: 60_000 });
    await db.put("ever", 4);
    await db.batch([{ type: "put", key: "batch", value: 5, ttl: 60 }], { ttl: 90_000 });
    expect(await db.get("short")).to.equal(1);
    expect(await db.get("short")).to.equal(1);
    const snapshot = await db.snapshot();
    const ttl = await db.ttl("long");
    expect(ttl).to.be.within(30_000, 60_000);
    expect(await db.ttl("ever")).to.equal(Number.POSITIVE_INFINITY);
    expect(await db.ttl("none")).to.equal(undefined);
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(await db.get("short")).to.equal(undefined);
    expect(await db.has("short")).to.equal(false);
    expect(await db.ttl("short")).to.equal(undefined);
    expect(await db.getMany(["short", "batch", "long"])).to.deep.equal([undefined, undefined, 2]);
    expect(await db.keys().toArray()).to.deep.equal(["ever", "long", "longer"]);
    expect(await db.count()).to.equal(3);
    expect(await snapshot.getMany(["short", "batch"])).to.deep.equal([1, 5]);
    await db.compact();
    expect(await snapshot.count()).to.equal(5);
    await snapshot.close();
    await db.put("long", 6);
    expect(await db.ttl("long")).to.equal(Number.POSITIVE_INFINITY);
  });
});

describe("A database over its openings", () => {
  const stores = useStores();

  it("keeps values of every encoding, times to live and classes", async () => {
    class Point {
      x: number;
      y: number;
      constructor(x: number, y: number) {
        this.x = x;
        this.y = y;
      }
    }
    const options = { shards: 3, encoding: "msgpack" } as const;
    const first = await stores().open(options);
    first.registerClass(Point);
    const cyclic: Record<string, unknown> = { when: new Date(5), set: new Set([1n]) };
    cyclic.self = cyclic;
    await first.put("json", { a: [1, "x", null] }, { encoding: "json" });
    await first.put("msgpack", { a: 1.5 });
    await first.put("structured", cyclic, { encoding: "structured" });
    await first.put("point", new Point(1, 2), { encoding: "structured" });
    await first.put("binary", Uint8Array.of(0, 255), { encoding: "binary" });
    await first.put("empty", new Uint8Array(0), { encoding: "binary" });
    await first.put("gone", 1, { ttl: 1 });
    await first.put("stays", 1, { ttl: 1_000_000 });
    await first.close();
    const second = await stores().open();
    expect(second.shardCount).to.equal(3);
    expect((await rejection(second.get("point"))).code).to.equal("FASTKV_INVALID_VALUE");
    second.registerClass(Point);
    expect(await second.get("point"))
      .to.be.instanceOf(Point)
      .and.to.deep.equal(new Point(1, 2));
    expect(await second.get("json")).to.deep.equal({ a: [1, "x", null] });
    expect(await second.get("msgpack")).to.deep.equal({ a: 1.5 });
    expect(await second.get("structured")).to.deep.equal(cyclic);
    expect(await second.get("binary")).to.deep.equal(Uint8Array.of(0, 255));
    expect(await second.get("empty")).to.deep.equal(new Uint8Array(0));
    expect(await second.get("gone")).to.equal(undefined);
    expect(await second.ttl("stays")).to.be.within(900_000, 1_000_000);
    expect(await second.count()).to.equal(7);
  });

  it("opens many in one process", async () => {
    const all = await Promise.all(
      [1, 2, 3, 4].map((shards) =>
        stores().open({ shards, handleSignals: shards % 2 === 0 }, `db-${shards}`),
      ),
    );
    await Promise.all(all.map((db, index) => db.put("who", index)));
    expect(await Promise.all(all.map((db) => db.get("who")))).to.deep.equal([0, 1, 2, 3]);
    const snapshot = await all[0]!.snapshot();
    expect((await rejection(all[1]!.get("who", { snapshot }))).code).to.equal("FASTKV_INVALID_OPTION");
  });
});
