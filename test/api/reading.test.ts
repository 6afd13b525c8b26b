import { expect } from "chai";
import type { ScanOptions } from "../../coordinator/calls/call-options.js";
import { chooseSeed, Random } from "../support/random.js";
import { TurnCounter } from "../support/turn-counter.js";
import { manyKeys, useSharedStore, useStores } from "./support/stores.js";

const text = new TextEncoder();

describe("Reading keys and ranges", () => {
  const store = useSharedStore();
  const stores = useStores();

  it("leaves the event loop its turns while a scan is read from memory", async () => {
    const db = store();
    await db.batchPut(manyKeys(20_000).map((key) => [key, 1]));
    const counter = new TurnCounter();
    let entries = 0;
    let longest = 0;
    let lastTurn = 0;
    let firstOfTurn = 0;
    for await (const _ of db.scan()) {
      entries += 1;
      if (counter.turns !== lastTurn) {
        lastTurn = counter.turns;
        firstOfTurn = entries;
      }
      longest = Math.max(longest, entries - firstOfTurn + 1);
    }
    counter.stop();
    expect(entries).to.equal(20_000);
    expect(longest).to.be.at.most(256);
  });

  it("scans in byte order, with each bound, backwards and with a limit", async () => {
    const db = store();
    const keys = ["", "a", "a\u0000", "ab", "b", "é", "\uffee", "😀"];
    await db.batchPut(keys.map((key, index) => [key, index]));
    const sorted = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
    const bounds = ["", "a", "a\u0000", "aa", "b", "\uffee", "😀"];
    for (const low of bounds) {
      for (const high of bounds) {
        for (const [lower, upper] of [
          ["gt", "lt"],
          ["gte", "lte"],
          ["gt", "lte"],
          ["gte", "lt"],
        ] as const) {
          const expected = sorted.filter(
            (key) =>
              compare(key, low) >= (lower === "gt" ? 1 : 0) &&
              compare(key, high) <= (upper === "lt" ? -1 : 0),
          );
          const range: ScanOptions = { [lower]: low, [upper]: high };
          const label = JSON.stringify(range);
          expect(await db.keys(range).toArray(), label).to.deep.equal(expected);
          const backwards = [...expected].reverse();
          expect(await db.keys({ ...range, reverse: true }).toArray(), label).to.deep.equal(backwards);
          expect(await db.keys({ ...range, limit: 2 }).toArray(), label).to.deep.equal(expected.slice(0, 2));
          expect(await db.keys({ ...range, limit: 2, reverse: true }).toArray(), label).to.deep.equal(
            backwards.slice(0, 2),
          );
          expect(await db.count(range), label).to.equal(expected.length);
        }
      }
    }
  });

  it("joins a prefix with the bounds", async () => {
    const db = store();
    await db.batchPut(manyKeys(50, "user").map((key) => [key, key]));
    await db.put("users", 1);
    const range = { prefix: "user-", gte: "user-00010", lt: "user-00020" };
    expect(await db.keys(range).toArray()).to.deep.equal(manyKeys(50, "user").slice(10, 20));
    expect(await db.keys({ ...range, prefix: "nobody" }).toArray()).to.deep.equal([]);
    expect(await db.keys("user-0000", 3).toArray()).to.deep.equal(manyKeys(3, "user"));
    expect(await db.scan({ prefix: "user-", reverse: true, limit: 1 }).toArray()).to.deep.equal([
      ["user-00049", "user-00049"],
    ]);
  });

  it("takes prefixes of 0xff bytes and the longest keys as bounds", async () => {
    const db = store();
    const longest = new Uint8Array(65_535).fill(0xff);
    const keys = [Uint8Array.of(0xfe), Uint8Array.of(0xff), Uint8Array.of(0xff, 0xff, 1), longest];
    for (const key of keys) {
      await db.put(key, key.length);
    }
    const values = (range: ScanOptions): Promise<unknown[]> => db.values(range).toArray();
    expect(await values({ prefix: Uint8Array.of(0xff) })).to.deep.equal([1, 3, 65_535]);
    expect(await values({ prefix: Uint8Array.of(0xff, 0xff) })).to.deep.equal([3, 65_535]);
    expect(await values({ gt: longest })).to.deep.equal([]);
    expect(await values({ gte: longest })).to.deep.equal([65_535]);
    expect(await values({ lte: longest, reverse: true, limit: 1 })).to.deep.equal([65_535]);
    expect(await db.get(longest)).to.equal(65_535);
    const found = await db.keys({ keyEncoding: "binary" }).toArray();
    expect(found.map((key) => Buffer.from(key).toString("hex"))).to.deep.equal(
      keys.map((key) => Buffer.from(key).toString("hex")),
    );
    expect(found[0]).to.be.instanceOf(Uint8Array);
    await db.clear({ gt: Uint8Array.of(0xff, 0xff, 1), lte: longest });
    expect(await db.count()).to.equal(3);
    await db.clear({ gt: longest });
    expect(await db.count()).to.equal(3);
    await db.clear({ prefix: Uint8Array.of(0xff) });
    expect(await values({})).to.deep.equal([1]);
  });

  for (const compression of ["none", "snappy"] as const) {
    it(`reads far more than its cache holds, forwards and backwards, now and then (${compression})`, async () => {
      const db = await stores().open<string>({ shards: 2, cacheSize: 64 * 1024, compression });
      const random = new Random(chooseSeed());
      const keys = manyKeys(6000);
      const valueAt = (round: number, index: number): string =>
        `${round} ${index} `.repeat(40 + (index % 100));
      await db.batchPut(keys.map((key, index) => [key, valueAt(1, index)]));
      await db.flush();
      const before = keys.map((key, index) => [key, valueAt(1, index)]);
      const snapshot = await db.snapshot();
      await db.batchPut(
        keys.flatMap((key, index) => (index % 3 === 0 ? [[key, valueAt(2, index)] as const] : [])),
      );
      await db.batch(
        keys.filter((_, index) => index % 7 === 0).map((key) => ({ type: "del", key }) as const),
      );
      await db.flush();
      const now = keys.flatMap((key, index) =>
        index % 7 === 0 ? [] : [[key, valueAt(index % 3 === 0 ? 2 : 1, index)]],
      );
      for (const [source, expected] of [
        [db, now],
        [snapshot, before],
      ] as const) {
        expect(await source.scan().toArray()).to.deep.equal(expected);
        expect(await source.scan({ reverse: true }).toArray()).to.deep.equal([...expected].reverse());
        expect(await source.count()).to.equal(expected.length);
        for (let round = 0; round < 40; round++) {
          const start = random.int(expected.length);
          const end = Math.min(expected.length - 1, start + random.pick([1, 10, 60, 300]));
          const part = expected.slice(start, end);
          const [gte, lt] = [expected[start]![0]!, expected[end]![0]!];
          expect(await source.scan({ gte, lt }).toArray()).to.deep.equal(part);
          expect(await source.scan({ gte, limit: part.length }).toArray()).to.deep.equal(part);
          const some = random.shuffle(part);
          expect(await source.getMany(some.map(([key]) => key!))).to.deep.equal(
            some.map(([, value]) => value),
          );
        }
      }
      await snapshot.close();
      await db.close();
    });
  }

  it("finds nothing in an inverted range and with a limit of 0", async () => {
    const db = store();
    await db.batchPut(manyKeys(10).map((key) => [key, 1]));
    for (const range of [{ gt: "z", lt: "a" }, { gte: "key-00005", lt: "key-00005" }, { limit: 0 }]) {
      expect(await db.scan(range).toArray()).to.deep.equal([]);
      for await (const entry of db.scan({ ...range, reverse: true })) {
        throw new Error(`Unexpected ${String(entry)}`);
      }
    }
    expect(await db.count({ gt: "z", lt: "a" })).to.equal(0);
    await db.clear({ gt: "z", lt: "a" });
    expect(await db.count()).to.equal(10);
  });

  it("answers getMany by position, with duplicates and misses", async () => {
    const db = store();
    await db.batchPut({ a: 1, b: null, c: "" });
    expect(await db.getMany(["c", "x", "a", "a", text.encode("b"), "b"])).to.deep.equal([
      "",
      undefined,
      1,
      1,
      null,
      null,
    ]);
    expect(await db.getMany([])).to.deep.equal([]);
  });

  it("judges at one moment what of a getMany has expired, where the cache knows it", async () => {
    const db = store();
    const keys = manyKeys(20_000);
    await db.batchPut(keys.map((key) => [key, 1]));
    await db.getMany(keys);
    for (let round = 0; round < 10; round++) {
      await db.put("mortal", 1, { ttl: 40 });
      await db.get("mortal");
      let found: unknown[];
      do {
        found = await db.getMany(["mortal", ...keys, "mortal"]);
        expect(found[0], `round ${round}`).to.equal(found.at(-1));
      } while (found[0] !== undefined);
    }
  });

  it("answers hasMany by position, also as of a snapshot", async () => {
    const db = store();
    await db.batchPut({ a: null, b: 0 });
    await using snapshot = await db.snapshot();
    await db.put("c", 1, { ttl: 60_000 });
    await db.delete("a");
    const keys = ["c", "a", "x", text.encode("b"), "b"];
    expect(await db.hasMany(keys)).to.deep.equal([true, false, false, true, true]);
    expect(await db.hasMany(keys, { snapshot })).to.deep.equal([false, true, false, true, true]);
    expect(await snapshot.hasMany(keys)).to.deep.equal([false, true, false, true, true]);
    expect(await db.hasMany([])).to.deep.equal([]);
    const several = manyKeys(100);
    await db.batchPut(several.map((key) => [key, key]));
    expect(await db.hasMany(several)).to.deep.equal(several.map(() => true));
  });

  it("has one key space for strings and bytes, and honours views", async () => {
    const db = store();
    const bytes = text.encode("--é--");
    const view = bytes.subarray(2, 4);
    await db.put(view, "by bytes");
    bytes.fill(0);
    expect(await db.get("é")).to.equal("by bytes");
    expect(await db.has("é")).to.equal(true);
    expect(await db.has(text.encode("é"))).to.equal(true);
    // Units that are the bytes of "é", which the cache has by now.
    expect(await db.get("\u00c3\u00a9")).to.equal(undefined);
    await db.delete("é");
    expect(await db.get(text.encode("é"))).to.equal(undefined);
    await db.delete("never there");
  });

  it("gives each caller a value of its own, from the cache too", async () => {
    const db = store();
    const values = [{ a: 1, b: "two" }, [1, "two", null], { deep: { list: [1] } }, "text", 7];
    await db.batchPut(values.map((value, at) => [`own:${at}`, value]));
    const keys = values.map((_, at) => `own:${at}`);
    for (let round = 0; round < 4; round++) {
      // A put brings a value into the cache as well.
      await db.put("own:0", values[0]);
      const read = [
        ...(await Promise.all(keys.map((key) => db.get(key)))),
        ...(await db.getMany(keys)),
        ...(await db.values("own:").toArray()),
      ];
      expect(read).to.deep.equal([...values, ...values, ...values]);
      for (const value of read) {
        if (Array.isArray(value)) {
          value.length = 0;
        } else if (typeof value === "object") {
          Object.assign(value as object, { a: round, deep: undefined });
        }
      }
    }
  });

  it("keeps nothing of the caller's buffers", async () => {
    const db = store();
    const key = text.encode("key");
    const value = Uint8Array.of(1, 2, 3, 4).subarray(1, 3);
    const writes = [
      db.put(key, value, { encoding: "binary" }),
      db.batch([{ type: "put", key, value, encoding: "binary" }]),
    ];
    const read = db.get(key);
    const reads = db.getMany([key, key]);
    key.fill(0x7a);
    value.fill(9);
    await Promise.all(writes);
    expect([...((await read) as Uint8Array)]).to.deep.equal([2, 3]);
    expect((await reads).map((found) => [...(found as Uint8Array)])).to.deep.equal([
      [2, 3],
      [2, 3],
    ]);
    const cached = (await db.get("key")) as Uint8Array;
    cached.fill(7);
    expect([...((await db.get("key")) as Uint8Array)]).to.deep.equal([2, 3]);
  });

  it("answers keys that are no UTF-8 as bytes, and gives the entries before one that it cannot show", async () => {
    const db = store();
    await db.put("a", 1);
    await db.put("b", 2);
    await db.put(Uint8Array.of(0xc0), 3);
    const seen: string[] = [];
    let code = "";
    try {
      for await (const key of db.keys()) {
        seen.push(key);
      }
    } catch (error) {
      code = (error as { code: string }).code;
    }
    expect([seen, code]).to.deep.equal([["a", "b"], "FASTKV_INVALID_KEY"]);
    expect(await db.values().toArray()).to.deep.equal([1, 2, 3]);
    expect((await db.keys({ keyEncoding: "binary" }).toArray()).map((key) => key[0])).to.deep.equal([
      0x61, 0x62, 0xc0,
    ]);
  });

  it("streams scans over many pages, in both directions and with limits across pages", async () => {
    const db = store();
    const keys = manyKeys(6000);
    await db.batchPut(keys.map((key, index) => [key, index]));
    expect(await db.keys().toArray()).to.deep.equal(keys);
    expect(await db.keys({ reverse: true }).toArray()).to.deep.equal([...keys].reverse());
    expect(await db.values({ limit: 1234 }).toArray()).to.deep.equal(
      Array.from({ length: 1234 }, (_, index) => index),
    );
    const read: string[] = [];
    for await (const key of db.keys({ gte: keys[100]!, lt: keys[5100]!, reverse: true })) {
      read.push(key);
    }
    expect(read).to.deep.equal(keys.slice(100, 5100).reverse());
    expect(await db.count({ gte: keys[100]!, lt: keys[5100]! })).to.equal(5000);
  });

  it("streams scans over many full pages, while others write, and when a shard dies", async () => {
    const db = store();
    const keys = Array.from({ length: 60_000 }, (_, index) => String(index).padStart(6, "0"));
    await db.bulkLoad(keys.map((key, index) => [key, index] as const));
    const [forward, backward] = [db.scan(), db.scan({ reverse: true, limit: 50_000 })];
    const clear = db.clear({ gte: keys[30_000]! });
    const read: [string, unknown][] = [];
    for await (const entry of forward) {
      read.push(entry as [string, unknown]);
      if (read.length === 20_000) {
        process.kill((await db.stats()).shards[0]!.pid, "SIGKILL");
      }
    }
    expect(read).to.deep.equal(keys.map((key, index) => [key, index]));
    expect(await backward.toArray()).to.deep.equal(read.slice(10_000).reverse());
    await clear;
    expect(await db.keys().toArray()).to.deep.equal(keys.slice(0, 30_000));
    const stats = await db.stats();
    expect([stats.snapshots, stats.restarts]).to.deep.equal([0, 1]);
  });

  it("lets an iterator be left half-way, and gives everything back", async () => {
    const db = store();
    await db.batchPut(manyKeys(3000).map((key) => [key, key]));
    for (let round = 0; round < 50; round++) {
      for await (const [key] of db.scan()) {
        if (key === "key-00003") {
          break;
        }
      }
    }
    const iterator = db.scan()[Symbol.asyncIterator]();
    await iterator.next();
    const pending = iterator.next();
    await iterator.return!();
    expect((await pending).done).to.be.oneOf([true, false]);
    expect(await iterator.next()).to.deep.equal({ done: true, value: undefined });
    const stats = await db.stats();
    expect(stats.snapshots).to.equal(0);
    expect(stats.shards.map((shard) => shard.snapshots)).to.deep.equal([0, 0]);
  });

  it("answers next() calls that are not awaited in order", async () => {
    const db = store();
    await db.batchPut({ a: 1, b: 2, c: 3 });
    const iterator = db.keys()[Symbol.asyncIterator]();
    const results = await Promise.all([iterator.next(), iterator.next(), iterator.next(), iterator.next()]);
    expect(results.map((result) => result.value)).to.deep.equal(["a", "b", "c", undefined]);
  });

  it("sees in a scan and in a count what was called before, and nothing that was called later", async () => {
    const db = store();
    const keys = manyKeys(600);
    await db.batchPut(keys.map((key) => [key, "old"]));
    void db.put("key-00000", "new");
    const scan = db.values();
    const count = db.count();
    const written = Promise.all([
      ...keys.map((key) => db.put(key, "later")),
      db.put("zzz", "later"),
      db.delete("key-00599"),
    ]);
    await written;
    expect(await scan.toArray()).to.deep.equal(["new", ...Array<string>(599).fill("old")]);
    expect(await count).to.equal(600);
  });

  it("refuses to be read twice", async () => {
    const scan = store().scan();
    await scan.toArray();
    let code = "";
    try {
      await scan.toArray();
    } catch (error) {
      code = (error as { code: string }).code;
    }
    expect(code).to.equal("FASTKV_CLOSED");
  });
});
