import { getEventListeners } from "node:events";
import { expect } from "chai";
import { rejection } from "../support/errors.js";
import { collectGarbage } from "../support/memory.js";
import { eventually, manyKeys, shardPids, useSharedStore, useStores } from "./support/stores.js";

describe("Cursors", () => {
  const store = useSharedStore<number>();
  const keys = manyKeys(2000);

  async function fill(): Promise<void> {
    await store().batchPut(keys.map((key, index) => [key, index]));
  }

  it("give one item, several, or all that are left, and then none", async () => {
    await fill();
    await using cursor = store().scan().cursor();
    expect(await cursor.next()).to.deep.equal([keys[0], 0]);
    expect(await cursor.read(3)).to.deep.equal([1, 2, 3].map((at) => [keys[at], at]));
    expect(await cursor.read(1500)).to.have.length(1500);
    expect(await cursor.read(Number.POSITIVE_INFINITY)).to.deep.equal(
      keys.slice(1504).map((key, at) => [key, 1504 + at]),
    );
    expect(await cursor.next()).to.equal(undefined);
    expect(await cursor.read(10)).to.deep.equal([]);
  });

  it("go to other keys, forwards and backwards, also from their end", async () => {
    await fill();
    await using forwards = store().keys().cursor();
    forwards.seek(`${keys[1990]}x`);
    expect(await forwards.read(100)).to.deep.equal(keys.slice(1991));
    forwards.seek(keys[5]!);
    expect(await forwards.read(2)).to.deep.equal([keys[5], keys[6]]);
    forwards.seek("zzz");
    expect(await forwards.next()).to.equal(undefined);

    await using backwards = store().values({ reverse: true }).cursor();
    expect(await backwards.next()).to.equal(1999);
    backwards.seek(`${keys[9]}x`);
    expect(await backwards.read(3)).to.deep.equal([9, 8, 7]);
    backwards.seek(Buffer.from(keys[1]!));
    expect(await backwards.read(10)).to.deep.equal([1, 0]);
  });

  it("stay in the range of their scan", async () => {
    await fill();
    for (const reverse of [false, true]) {
      await using cursor = store().keys({ gt: keys[10], lte: keys[20], reverse }).cursor();
      for (const outside of [keys[9]!, keys[10]!, `${keys[20]}x`, keys[30]!]) {
        cursor.seek(outside);
        expect(await cursor.next(), outside).to.equal(undefined);
      }
      cursor.seek(keys[20]!);
      expect(await cursor.next()).to.equal(keys[20]);
      cursor.seek(keys[11]!);
      expect(await cursor.read(2)).to.deep.equal(reverse ? [keys[11]] : [keys[11], keys[12]]);
    }
  });

  it("count what they read into the limit, also after a seek", async () => {
    await fill();
    await using cursor = store().values({ limit: 4 }).cursor();
    expect(await cursor.read(3)).to.deep.equal([0, 1, 2]);
    cursor.seek(keys[0]!);
    expect(await cursor.read(3)).to.deep.equal([0]);
    cursor.seek(keys[0]!);
    expect(await cursor.next()).to.equal(undefined);
    await using nothing = store().values({ limit: 0 }).cursor();
    nothing.seek(keys[0]!);
    expect(await nothing.next()).to.equal(undefined);
  });

  it("see the moment of their scan, whatever is written, flushed and compacted until they are closed", async () => {
    const db = store();
    await fill();
    const cursor = db.values().cursor();
    const changed = db.batchPut(keys.map((key) => [key, -1]));
    expect(await cursor.next()).to.equal(0);
    await changed;
    await db.clear();
    await db.flush();
    await db.compact();
    cursor.seek(keys[1000]!);
    expect(await cursor.read(Number.POSITIVE_INFINITY)).to.deep.equal(
      keys.slice(1000).map((_, at) => 1000 + at),
    );
    await cursor.close();
  });

  it("answer calls in their order, awaited or not", async () => {
    await fill();
    await using cursor = store().values().cursor();
    const first = cursor.next();
    const two = cursor.read(2);
    cursor.seek(keys[100]!);
    const sought = cursor.next();
    cursor.seek(keys[3]!);
    expect(await Promise.all([first, two, sought, cursor.next()])).to.deep.equal([0, [1, 2], 100, 3]);
  });

  it("give what can be read before one that cannot, and go on behind it", async () => {
    const db = store();
    await fill();
    const bad = Uint8Array.of(0x6b, 0xff);
    await db.put(bad, 1);
    await db.put(Uint8Array.of(0x6c), 2);
    await using cursor = db.keys({ gte: keys[1999] }).cursor();
    expect(await cursor.read(10)).to.deep.equal([keys[1999]]);
    expect((await rejection(cursor.read(10))).code).to.equal("FASTKV_INVALID_KEY");
    cursor.seek("l");
    expect(await cursor.read(10)).to.deep.equal(["l"]);
  });

  it("give it also where the one that cannot be read is the first of a page", async () => {
    const db = store();
    // The first page of a scan has 256 entries of each of the two shards.
    const many = manyKeys(4000, "a");
    await db.batchPut(many.map((key, index) => [key, index]));
    await db.put(Buffer.from([0x62, 0xff]), 1);
    const all = (await db.count({ lt: "b" })) as number;
    for (let read = all - 2; read <= all; read++) {
      await using cursor = db.keys({ lt: "c" }).cursor();
      expect(await cursor.read(read)).to.have.length(read);
      if (read < all) {
        expect(await cursor.read(1000)).to.have.length(all - read);
      }
      expect(await rejection(cursor.read(1000))).to.have.property("code", "FASTKV_INVALID_KEY");
    }
    await using whole = db.keys({ lt: "c" }).cursor();
    expect(await whole.read(100_000)).to.have.length(all);
    await db.delete(Buffer.from([0x62, 0xff]));
  });

  it("fail when they are closed or aborted, also in the middle of a read, and can be closed again", async () => {
    await fill();
    const closed = store().keys().cursor();
    const reading = closed.read(2000);
    await closed.close();
    await closed.close();
    expect((await rejection(reading)).code).to.equal("FASTKV_CLOSED");
    closed.seek("a");
    expect((await rejection(closed.next())).code).to.equal("FASTKV_CLOSED");

    const abort = new AbortController();
    const aborted = store().keys({ signal: abort.signal }).cursor();
    expect(await aborted.next()).to.equal(keys[0]);
    abort.abort();
    expect((await rejection(aborted.next())).code).to.equal("FASTKV_ABORTED");
    aborted.seek("a");
    expect((await rejection(aborted.next())).code).to.equal("FASTKV_ABORTED");
  });

  it("leave no listener at their signal where they are forgotten", async () => {
    await fill();
    const { signal } = new AbortController();
    const forget = async (): Promise<void> => {
      await store().keys({ signal }).cursor().next();
    };
    await forget();
    expect(getEventListeners(signal, "abort")).to.have.length(1);
    await eventually("it is gone", () => {
      collectGarbage();
      return getEventListeners(signal, "abort").length === 0;
    });
  });

  it("refuse what they cannot do", async () => {
    await fill();
    await using cursor = store().keys().cursor();
    for (const max of [0, -1, 1.5, Number.NaN]) {
      expect((await rejection(cursor.read(max))).code, String(max)).to.equal("FASTKV_INVALID_OPTION");
    }
    expect((await rejection((async () => cursor.seek("\ud800"))())).code).to.equal("FASTKV_INVALID_KEY");
    const scan = store().keys();
    await scan.toArray();
    expect((await rejection((async () => scan.cursor())())).code).to.equal("FASTKV_CLOSED");
  });

  describe("of a database of their own", () => {
    const stores = useStores();

    it("survive the death of a shard", async () => {
      const db = await stores().open<number>();
      await db.batchPut(keys.map((key, index) => [key, index]));
      const cursor = db.values().cursor();
      expect(await cursor.next()).to.equal(0);
      await db.clear();
      const [pid] = await shardPids(db);
      process.kill(pid!, "SIGKILL");
      cursor.seek(keys[500]!);
      expect(await cursor.read(5000)).to.deep.equal(keys.slice(500).map((_, at) => 500 + at));
      await cursor.close();
    });

    it("end with the database", async () => {
      const db = await stores().open<number>();
      await db.put("a", 1);
      const cursor = db.values().cursor();
      expect(await cursor.next()).to.equal(1);
      await db.close();
      expect((await rejection(cursor.next())).code).to.equal("FASTKV_CLOSED");
      cursor.seek("a");
      expect((await rejection(cursor.next())).code).to.equal("FASTKV_CLOSED");
      await cursor.close();
    });
  });
});
