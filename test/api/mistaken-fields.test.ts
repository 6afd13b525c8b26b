import { inspect } from "node:util";
import { expect } from "chai";
import {
  type BatchOperation,
  type BulkEntry,
  type ClearOptions,
  FastKV,
  FastKVError,
} from "../../coordinator/index.js";
import { rejection } from "../support/errors.js";
import { useSharedStore } from "./support/stores.js";

/** As a program without types gives them. */
const untyped = (value: unknown): never => value as never;

describe("Fields that a call would have to ignore", () => {
  const db = useSharedStore({ shards: 2 });

  async function expectRefused(call: (db: FastKV) => Promise<unknown>, message: RegExp): Promise<void> {
    const error = await rejection(call(db()));
    expect(error.code).to.equal("FASTKV_INVALID_OPTION");
    expect(error.writeOutcome).to.equal("not-applied");
    expect(error.message).to.match(message);
    expect(await db().keys().toArray()).to.deep.equal(["kept"]);
  }

  beforeEach(() => db().put("kept", 1));

  for (const [what, operation, message] of [
    [
      "a misspelt one of a put",
      { type: "put", key: "a", value: 1, TTL: 5 },
      /^Operation 2 .*A put has no field "TTL"/,
    ],
    ["the batch's own", { type: "put", key: "a", value: 1, durability: "sync" }, /no field "durability"/],
    ["a value of a delete", { type: "del", key: "a", value: 1 }, /^Operation 2 .*A del has no field "value"/],
  ] as const) {
    it(`are refused in a batch: ${what}`, async () => {
      const operations: BatchOperation[] = [{ type: "put", key: "b", value: 1 }, untyped(operation)];
      await expectRefused((store) => store.batch(operations), message);
    });
  }

  it("are refused in pairs", async () => {
    await expectRefused(
      (store) =>
        store.batchPut(
          untyped([
            ["b", 1],
            ["a", 1, { ttl: 5 }],
          ]),
        ),
      /^Entry 2 of the batch: .*takes pairs/,
    );
  });

  for (const [what, entry, message] of [
    ["an entry", { key: "a", value: 1, TTL: 5 }, /^Entry 2 .*An entry has no field "TTL"/],
    ["a pair", ["a", 1, { ttl: 5 }], /^Entry 2 .*not an array of 3/],
    [
      "a stored entry",
      { key: "a", stored: new Uint8Array(), encoding: "json", tag: 1, ttl: 5 },
      /no field "ttl"/,
    ],
  ] as const) {
    it(`are refused in a bulk load: ${what}`, async () => {
      const entries: BulkEntry[] = [["b", 1], untyped(entry)];
      await expectRefused((store) => store.bulkLoad(entries), message);
    });
  }

  for (const [range, missing] of [
    [{ prefix: undefined }, "prefix"],
    [{ gte: undefined, lt: undefined }, "gte, lt"],
    [{ gte: "a", lt: undefined }, "lt"],
    [{ lte: "z", gt: undefined, reverse: undefined }, "gt"],
    [{ prefix: "k", lte: undefined }, "lte"],
    [{ prefix: "k", limit: undefined }, "limit"],
    [{ prefix: "k", snapshot: undefined, limit: 0 }, "snapshot"],
  ] as [ClearOptions, string][]) {
    it(`are refused where what narrows a clear is undefined: ${inspect(range)}`, async () => {
      await expectRefused(
        (store) => store.clear(range),
        new RegExp(`would take more keys than were meant, since ${missing} is undefined`),
      );
    });
  }

  it("are refused in a clear: a direction without a limit", async () => {
    await expectRefused((store) => store.clear({ prefix: "k", reverse: true }), /Give a limit/);
  });

  it("leave a clear with bounds, or with none, as it was", async () => {
    await db().clear({ prefix: "other", reverse: false });
    await db().clear({ limit: 0, reverse: undefined });
    expect(await db().count()).to.equal(1);
    await db().clear({});
    expect(await db().count()).to.equal(0);
  });

  it("say which operation and which entry has a value that cannot be kept", async () => {
    const error = await rejection(db().batch([{ type: "put", key: "a", value: { x: Number.NaN } }]));
    expect(error.message).to.match(
      /^Operation 1 of the batch: The encoding "json" cannot keep the value at \$\.x/,
    );
    const ofLoad = await rejection(db().bulkLoad([["b", 1], untyped([5, 1])]));
    expect(ofLoad.message).to.match(/^Entry 2 of the bulk load: A key is a string or a Uint8Array/);
    expect([error.code, ofLoad.code]).to.deep.equal(["FASTKV_INVALID_VALUE", "FASTKV_INVALID_KEY"]);
  });

  for (const [what, call, message] of [
    [
      "a get of several keys",
      (store) => store.get(untyped(["a"])),
      /not an array\. Several keys go to getMany/,
    ],
    ["a key that is a number", (store) => store.put(untyped(1), 1), /not number\. Give String\(key\)/],
    ["a time to live", (store) => store.put("a", 1, untyped(5000)), /is given as \{ ttl: 5000 \}/],
    [
      "a put that is to be synced",
      (store) => store.put("a", 1, untyped({ sync: true })),
      /did you mean durability/,
    ],
    [
      "operations",
      (store) => store.batchPut(untyped([{ type: "del", key: "a" }])),
      /Operations .* go to batch$/,
    ],
    ["pairs", (store) => store.batch(untyped([["a", 1]])), /^Operation 1 .* Pairs go to batchPut$/],
    ["an object to load", (store) => store.bulkLoad(untyped({ a: 1 })), /give Object\.entries\(object\)$/],
  ] as [string, (store: FastKV) => Promise<unknown>, RegExp][]) {
    it(`say what was meant by ${what}`, async () => {
      expect((await rejection(call(db()))).message).to.match(message);
      expect(await db().keys().toArray()).to.deep.equal(["kept"]);
    });
  }

  it("say which bound is none, what was given, and what was meant", async () => {
    for (const [options, message] of [
      [{ gt: 5 }, /^Option gt: A key is a string or a Uint8Array, not number/],
      [{ prefix: null }, /^Option prefix: .* not null/],
      [[], /must be an object, not an array/],
      [{ Reverse: true }, /has no option "Reverse"; did you mean reverse\?/],
      [{ colour: 1 }, /has no option "colour"; it has prefix, gt/],
      [{ start: "a" }, /has no option "start"; did you mean gte\?/],
      [{ End: "b" }, /has no option "End"; did you mean lt\?/],
      [{ maxAge: 5 }, /has no option "maxAge"; it has prefix, gt/],
    ] as const) {
      expect(() => db().scan(untyped(options)), JSON.stringify(options)).to.throw(FastKVError, message);
    }
  });

  for (const [given, way] of [
    [new URL("file:///x"), "not an object. Give fileURLToPath(url)"],
    [{ path: "./x" }, "It stands in front of the options, as in open(path, options)"],
  ] as const) {
    it(`and what is no path are refused with the way out: ${way}`, async () => {
      const error = await rejection(FastKV.open(untyped(given)));
      expect(error.code).to.equal("FASTKV_INVALID_OPTION");
      expect(error.message).to.contain(way);
    });
  }
});
