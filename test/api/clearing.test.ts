import { expect } from "chai";
import type { ClearOptions } from "../../coordinator/calls/call-options.js";
import { rejection } from "../support/errors.js";
import { manyKeys, useSharedStore, useStores } from "./support/stores.js";

describe("Clearing some keys", () => {
  const store = useSharedStore<number>();
  const keys = manyKeys(1000);

  async function fill(): Promise<void> {
    await store().batchPut(keys.map((key, index) => [key, index]));
  }

  it("removes what a scan with the same range, limit and direction shows", async () => {
    const db = store();
    const forms: ClearOptions[] = [
      { limit: 20 },
      { limit: 20, reverse: true },
      { limit: 20, gte: keys[20] },
      { limit: 700, gt: keys[100], lt: keys[900], reverse: true },
      { limit: 5000 },
      { limit: 0 },
      { limit: 5, gt: "b", lt: "a" },
      { prefix: "key-000", limit: 3 },
      { reverse: true, limit: Number.POSITIVE_INFINITY, lt: keys[500]! },
    ];
    for (const form of forms) {
      await fill();
      const gone = new Set(await db.keys(form).toArray());
      await db.clear(form);
      expect(await db.keys().toArray(), JSON.stringify(form)).to.deep.equal(
        keys.filter((key) => !gone.has(key)),
      );
    }
  });

  it("removes the keys of a snapshot, whatever became of them, and no others", async () => {
    const db = store();
    await db.batchPut({ kept: 1, changed: 1, gone: 1 });
    await using snapshot = await db.snapshot();
    await db.put("changed", 2);
    await db.delete("gone");
    await db.put("new", 1);
    await db.clear({ snapshot, lt: "kept" });
    expect(await db.keys().toArray()).to.deep.equal(["kept", "new"]);
    await db.clear({ snapshot });
    expect(await db.keys().toArray()).to.deep.equal(["new"]);
    expect(await snapshot.keys().toArray()).to.deep.equal(["changed", "gone", "kept"]);
  });

  it("leaves writes alone that were called after it, by any method", async () => {
    const db = store();
    await fill();
    const cleared = db.clear({ limit: 1000 });
    const written = [
      db.put(keys[0]!, -1),
      db.put(Buffer.from(keys[1]!), -2),
      db.batchPut({ [keys[2]!]: -3 }),
      db.batch([{ type: "put", key: keys[3]!, value: -4 }]),
      db.put("é", -5),
    ];
    await Promise.all([cleared, ...written]);
    expect(await db.values().toArray()).to.deep.equal([-1, -2, -3, -4, -5]);
  });

  it("leaves them alone without a read cache, too, and ends before the database is closed", async () => {
    const db = await stores().open<number>({ readCacheSize: 0 });
    await db.batchPut(keys.map((key, index) => [key, index]));
    const cleared = db.clear({ limit: 999 });
    const written = db.put(keys[0]!, -1);
    await db.close();
    await Promise.all([cleared, written]);
    const again = await stores().open<number>();
    expect(await again.scan().toArray()).to.deep.equal([
      [keys[0], -1],
      [keys[999], 999],
    ]);
  });
  const stores = useStores();

  it("removes more keys than go into one batch", async () => {
    const db = await stores().open<number>();
    const many = manyKeys(25_000);
    await db.bulkLoad(many.map((key) => [key, 1] as const));
    await db.clear({ limit: 24_999, reverse: true });
    expect(await db.keys().toArray()).to.deep.equal([many[0]]);
  });

  it("leaves what a bulk load brings in meanwhile", async () => {
    const db = await stores().open<number>();
    const many = manyKeys(25_000);
    await db.bulkLoad(many.map((key) => [key, 1] as const));
    const some = many.filter((_, index) => index % 100 === 0);
    const cleared = db.clear({ limit: 100_000 });
    const loaded = db.bulkLoad(some.map((key) => [key, 2] as const));
    await Promise.all([cleared, loaded]);
    expect(await db.scan().toArray()).to.deep.equal(some.map((key) => [key, 2]));
  });

  it("refuses a range that is undefined: a variable that was never set", async () => {
    const db = store();
    await db.put("a", 1);
    const error = await rejection(db.clear(undefined));
    expect(error.code).to.equal("FASTKV_INVALID_OPTION");
    expect((await rejection(db.clear(undefined, { durability: "sync" }))).writeOutcome).to.equal(
      "not-applied",
    );
    expect(await db.has("a")).to.equal(true);
    await db.clear({});
    expect(await db.has("a")).to.equal(false);
  });

  it("refuses options that it does not have", async () => {
    const db = store();
    for (const options of [
      { limit: -1 },
      { limit: 1.5 },
      { reverse: 1 },
      { reverse: true, lt: keys[500] },
      { snapshot: {} },
      { signal: null },
    ]) {
      const error = await rejection(db.clear(options as never));
      expect(error.code, JSON.stringify(options)).to.equal("FASTKV_INVALID_OPTION");
    }
  });
});
