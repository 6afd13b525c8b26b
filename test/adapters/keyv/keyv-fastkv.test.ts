import path from "node:path";
import { expect } from "chai";
import Keyv, { type KeyvOptions } from "keyv";
import { Keyv as Keyv6 } from "keyv-6";
import { KeyvFastKV, type KeyvFastKVOptions } from "../../../coordinator/adapters/keyv/keyv-fastkv.js";
import { useSharedStore, useStores } from "../../api/support/stores.js";
import { caught, rejection } from "../../support/errors.js";

/** Asks again until an entry has expired; the test's time limit ends it. */
async function untilGone(isThere: () => Promise<boolean>): Promise<void> {
  while (await isThere()) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function collected<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) {
    items.push(item);
  }
  return items;
}

describe("The Keyv adapter", () => {
  const database = useSharedStore();

  it("lets the database expire entries, so that they take no room for ever", async () => {
    const keyv = new Keyv({ store: new KeyvFastKV(database()) });
    await keyv.set("long", 1, 60_000);
    await keyv.set("short", 2, 20.5);
    await keyv.setMany([
      { key: "many-long", value: 3, ttl: 60_000 },
      { key: "many-for-ever", value: 4 },
    ]);
    expect(await database().ttl("keyv:long")).to.be.within(50_000, 60_000);
    expect(await database().ttl("keyv:many-long")).to.be.within(50_000, 60_000);
    expect(await database().ttl("keyv:many-for-ever")).to.equal(Number.POSITIVE_INFINITY);
    await untilGone(() => database().has("keyv:short"));
    expect(await keyv.has("short")).to.equal(false);
    expect(await keyv.hasMany(["long", "short"])).to.deep.equal([true, false]);
  });

  it("removes an entry whose time to live is over already, and keeps one for ever at Infinity", async () => {
    const store = new KeyvFastKV(database());
    await store.set("a", 1);
    await store.set("a", 2, -1);
    await store.setMany([
      { key: "b", value: 1, ttl: Number.POSITIVE_INFINITY },
      { key: "c", value: 1, ttl: 0 },
    ]);
    expect(await store.getMany(["a", "b", "c"])).to.deep.equal([undefined, 1, undefined]);
  });

  it("sets many entries or none", async () => {
    const store = new KeyvFastKV(database());
    const refused = store.setMany([
      { key: "good", value: 1 },
      { key: "bad", value: () => 1 },
    ]);
    expect((await rejection(refused)).code).to.equal("FASTKV_INVALID_VALUE");
    expect(await database().count()).to.equal(0);
  });

  it("says of a delete whether every key was there", async () => {
    const store = new KeyvFastKV(database());
    await store.setMany([
      { key: "a", value: 1 },
      { key: "b", value: 1 },
    ]);
    expect(await store.deleteMany(["a", "nobody"])).to.equal(false);
    expect(await store.deleteMany(["b"])).to.equal(true);
    expect(await database().count()).to.equal(0);
  });

  it("keeps below its prefix in a database that holds other data", async () => {
    await database().put("account", 1);
    const keyv = new Keyv({ store: new KeyvFastKV(database(), { keyPrefix: "cache/" }), namespace: "n" });
    const whole = new KeyvFastKV(database(), { keyPrefix: "cache/" });
    await keyv.set("a", "A");
    expect(await database().keys().toArray()).to.deep.equal(["account", "cache/n:a"]);
    expect(await collected(keyv.iterator!({}))).to.deep.equal([["a", "A"]]);
    await whole.clear();
    expect(await database().keys().toArray()).to.deep.equal(["account"]);
  });

  it("iterates in key order, as of one moment", async () => {
    const store = new KeyvFastKV(database());
    await store.setMany(["c", "a", "b"].map((key) => ({ key, value: key.toUpperCase() })));
    const iterator = store.iterator();
    const first = await iterator.next();
    await store.clear();
    expect([first.value, ...(await collected(iterator))]).to.deep.equal([
      ["a", "A"],
      ["b", "B"],
      ["c", "C"],
    ]);
  });

  it("carries Map, Set and Date where Keyv is told not to serialize", async () => {
    const value = { map: new Map([[1, new Date(5)]]), set: new Set(["x"]), nothing: undefined };
    const plain = { serialize: undefined, deserialize: undefined } as unknown as KeyvOptions;
    const keyv = new Keyv({ store: new KeyvFastKV(database()), ...plain });
    await keyv.set("v", value);
    expect(await keyv.get("v")).to.deep.equal(value);
    expect(await keyv.getMany(["v"])).to.deep.equal([value]);
  });

  it("refuses what is no database and options that it does not have", () => {
    const wrong: (() => unknown)[] = [
      () => new KeyvFastKV({} as never),
      () => new KeyvFastKV(database(), { prefix: "" } as KeyvFastKVOptions),
      () => new KeyvFastKV(database(), { keyPrefix: 1 } as unknown as KeyvFastKVOptions),
    ];
    for (const call of wrong) {
      expect(caught(call).code).to.equal("FASTKV_INVALID_OPTION");
    }
  });
});

describe("The Keyv adapter and its database", () => {
  const stores = useStores();

  it("opens and closes a database of its own, and finds the entries again", async () => {
    const { runtimeFolder, root } = stores();
    const folder = path.join(root, "cache");
    const keyv = new Keyv({ store: await KeyvFastKV.open(folder, { runtimeFolder, shards: 1 }) });
    await keyv.set("a", { n: 1 }, 60_000);
    await keyv.disconnect();
    const again = await KeyvFastKV.open(folder, { runtimeFolder });
    expect(await new Keyv({ store: again }).get("a")).to.deep.equal({ n: 1 });
    await again.disconnect();
    expect(again.database.isClosed).to.equal(true);
  });

  it("leaves a database open that the program opened", async () => {
    const db = await stores().open();
    await new Keyv({ store: new KeyvFastKV(db) }).disconnect();
    expect(db.isClosed).to.equal(false);
  });

  it("tells Keyv of calls that fail", async () => {
    const db = await stores().open();
    const keyv = new Keyv({ store: new KeyvFastKV(db), throwOnErrors: true });
    const errors: unknown[] = [];
    keyv.on("error", (error: unknown) => errors.push(error));
    await db.close();
    expect((await rejection(keyv.set("a", 1))).code).to.equal("FASTKV_CLOSED");
    expect(errors).to.have.lengthOf(1);
  });
});

describe("The Keyv adapter in Keyv 6", () => {
  const database = useSharedStore();

  it("has every operation, with namespaces that do not collide in a shared database", async () => {
    const users = new Keyv6({ store: new KeyvFastKV(database()), namespace: "users" });
    const cache = new Keyv6({ store: new KeyvFastKV(database()), namespace: "cache" });
    await users.set("a", "user");
    expect(
      await cache.setMany([
        { key: "a", value: 1, ttl: 60_000 },
        { key: "b", value: 2 },
      ]),
    ).to.deep.equal([true, true]);
    expect(await users.get("a")).to.equal("user");
    expect(await cache.get(["a", "b", "c"])).to.deep.equal([1, 2, undefined]);
    expect(await cache.hasMany(["a", "c"])).to.deep.equal([true, false]);
    expect(await collected(cache.iterator())).to.deep.equal([
      ["a", 1],
      ["b", 2],
    ]);
    expect(await cache.delete("b")).to.equal(true);
    await cache.clear();
    expect(await cache.get("a")).to.equal(undefined);
    expect(await collected(users.iterator())).to.deep.equal([["a", "user"]]);
  });

  it("expires entries in the database", async () => {
    const keyv = new Keyv6({ store: new KeyvFastKV(database()) });
    await keyv.set("long", 1, 60_000);
    await keyv.set("short", 1, 20);
    expect(await database().ttl("long")).to.be.within(50_000, 60_000);
    await untilGone(() => database().has("short"));
    expect(await keyv.get("short")).to.equal(undefined);
    expect(await keyv.get("long")).to.equal(1);
  });
});
