import { expect } from "chai";
import type { FastKVErrorCode, WriteOutcome } from "../../shared/errors.js";
import { rejection } from "../support/errors.js";
import { manyKeys, useSharedStore, useStores } from "./support/stores.js";

describe("Limits and bad input", () => {
  const store = useSharedStore({ maxValueSize: 1000 });

  async function expectRefused(
    code: FastKVErrorCode,
    writeOutcome: WriteOutcome,
    call: () => unknown,
  ): Promise<void> {
    const error = await rejection((async () => call())());
    expect(error.code, `${String(call)}: ${error.message}`).to.equal(code);
    expect(error.message.length).to.be.above(10);
    expect(error.writeOutcome, String(call)).to.equal(writeOutcome);
  }

  function expectReadRefused(code: FastKVErrorCode, call: () => unknown): Promise<void> {
    return expectRefused(code, "none", call);
  }

  function expectWriteRefused(code: FastKVErrorCode, call: () => unknown): Promise<void> {
    return expectRefused(code, "not-applied", call);
  }

  it("refuses keys that are none, and changes nothing", async () => {
    const db = store();
    const bad: unknown[] = [
      undefined,
      null,
      1,
      {},
      [],
      Symbol("x"),
      new Uint16Array(1),
      Object.create(Uint8Array.prototype),
      new Proxy(new Uint8Array(1), {}),
      "\ud800",
      "a\udc00b",
    ];
    const long = ["x".repeat(65_536), "é".repeat(32_768), new Uint8Array(65_536)];
    for (const key of [...bad, ...long] as string[]) {
      await expectWriteRefused("FASTKV_INVALID_KEY", () => db.put(key, 1));
      await expectWriteRefused("FASTKV_INVALID_KEY", () => db.delete(key));
      await expectReadRefused("FASTKV_INVALID_KEY", () => db.get(key));
      await expectReadRefused("FASTKV_INVALID_KEY", () => db.getMany(["a", key]));
      await expectReadRefused("FASTKV_INVALID_KEY", () => db.has(key));
      await expectReadRefused("FASTKV_INVALID_KEY", () => db.hasMany(["a", key]));
      await expectWriteRefused("FASTKV_INVALID_KEY", () =>
        db.batchPut([
          ["a", 1],
          [key, 1],
        ]),
      );
      await expectWriteRefused("FASTKV_INVALID_KEY", () =>
        db.batch([
          { type: "put", key: "a", value: 1 },
          { type: "del", key },
        ]),
      );
      if (key !== undefined) {
        await expectReadRefused("FASTKV_INVALID_KEY", () => db.scan({ gt: key }));
        await expectReadRefused("FASTKV_INVALID_KEY", () => db.count({ lte: key }));
      }
      expect((await rejection(db.getMany(["a", 5 as never]))).message).to.match(/^Key 2 of getMany: /);
    }
    expect(await db.count()).to.equal(0);
    const longest = "é".repeat(32_767);
    await db.put(`${longest}x`, 1);
    expect(await db.get(`${longest}x`)).to.equal(1);
  });

  it("refuses values that would be changed, and too large ones", async () => {
    const db = store();
    await db.put("a", "kept");
    const bad: unknown[] = [undefined, () => 1, Symbol("x"), 1n, Number.NaN, new Map(), -0, { a: [() => 1] }];
    for (const value of [...bad, "x".repeat(999)]) {
      await expectWriteRefused("FASTKV_INVALID_VALUE", () => db.put("a", value));
      await expectWriteRefused("FASTKV_INVALID_VALUE", () =>
        db.batchPut([
          ["b", 1],
          ["a", value],
        ]),
      );
    }
    await expectWriteRefused("FASTKV_INVALID_VALUE", () => db.put("a", "text", { encoding: "binary" }));
    await expectWriteRefused("FASTKV_INVALID_VALUE", () => db.put("a", new Set(), { encoding: "msgpack" }));
    await expectWriteRefused("FASTKV_INVALID_VALUE", () => db.put("a", () => 1, { encoding: "structured" }));
    await db.put("b", "x".repeat(998));
    expect(await db.scan().toArray()).to.deep.equal([
      ["a", "kept"],
      ["b", "x".repeat(998)],
    ]);
  });

  it("refuses bytes that are gone", async () => {
    const db = store();
    const gone = new Uint8Array([1, 2, 3]);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    await expectWriteRefused("FASTKV_INVALID_KEY", () => db.put(gone, 1));
    await expectReadRefused("FASTKV_INVALID_KEY", () => db.get(gone));
    await expectReadRefused("FASTKV_INVALID_KEY", () => db.scan({ gte: gone }).toArray());
    await expectWriteRefused("FASTKV_INVALID_VALUE", () => db.put("a", gone, { encoding: "binary" }));
    await expectWriteRefused("FASTKV_INVALID_VALUE", () => db.put("a", gone, { encoding: "structured" }));
    await expectWriteRefused("FASTKV_INVALID_VALUE", () => db.put("a", gone, { encoding: "msgpack" }));
  });

  it("refuses options that are unknown, unfit or contradict each other", async () => {
    const db = store();
    const writes: (() => unknown)[] = [
      () => db.put("a", 1, { tll: 5 } as never),
      () => db.put("a", 1, { ttl: 0 }),
      () => db.put("a", 1, { ttl: 8.64e15 }),
      () => db.put("a", 1, { ttl: -1 }),
      () => db.put("a", 1, { ttl: Number.NaN }),
      () => db.put("a", 1, { ttl: Number.POSITIVE_INFINITY }),
      () => db.put("a", 1, { ttl: "5" as never }),
      () => db.put("a", 1, { durability: "fast" as never }),
      () => db.put("a", 1, { encoding: "xml" as never }),
      () => db.put("a", 1, null as never),
      () => db.put("a", 1, 5 as never),
      () => db.delete("a", { ttl: 1 } as never),
      () => db.batch("abc" as never),
      () => db.batch(undefined as never),
      () => db.batch([null as never]),
      () => db.batch([{ type: "merge", key: "a" } as never]),
      () => db.batch([{ type: 1n, key: "a" } as never]),
      () => db.batchPut(undefined as never),
      () => db.batchPut("abc" as never),
      () => db.batchPut(["ab"] as never),
      () => db.clear({ reverse: 1 as never }),
      () => db.bulkLoad([], { signal: 5 as never }),
      () => db.bulkLoad([], { onProgress: 5 as never }),
      () => db.bulkLoad([], { encoding: "xml" as never }),
      () => db.bulkLoad("abc" as never),
    ];
    for (const call of writes) {
      await expectWriteRefused("FASTKV_INVALID_OPTION", call);
    }
    const others: (() => unknown)[] = [
      () => db.get("a", { snapshot: {} as never }),
      () => db.getMany("abc" as never),
      () => db.getMany(new Set(["a"]) as never),
      () => db.scan({ gt: "a", gte: "a" }),
      () => db.scan({ lt: "a", lte: "a" }),
      () => db.scan({ limit: -1 }),
      () => db.scan({ limit: 1.5 }),
      () => db.scan({ reverse: 1 as never }),
      () => db.scan({ keyEncoding: "hex" as never }),
      () => db.scan({ signal: {} as never }),
      () => db.scan({ from: "a" } as never),
      () => db.scan(null as never),
      () => db.count({ limit: 5 } as never),
      () => db.registerClass(5 as never),
    ];
    for (const call of others) {
      await expectReadRefused("FASTKV_INVALID_OPTION", call);
    }
    expect(await db.count()).to.equal(0);
  });

  it("refuses batches of too many operations and of too many bytes, whole", async () => {
    const db = store();
    const many = function* (count: number, value: string) {
      for (let at = 0; at < count; at++) {
        yield [`key-${at % 5000}`, value] as const;
      }
    };
    await expectWriteRefused("FASTKV_BATCH_TOO_LARGE", () => db.batchPut(many(1_000_001, "")));
    await expectWriteRefused("FASTKV_BATCH_TOO_LARGE", () => db.batchPut(many(200_000, "x".repeat(990))));
    expect(await db.count()).to.equal(0);
  });

  it("changes nothing by a batch with one bad operation, wherever it stands and on whichever shard", async () => {
    const db = store();
    const keys = manyKeys(64);
    await db.batchPut(keys.map((key) => [key, "old"]));
    const { seq_num } = await db.stats();
    const good = keys.map((key) => ({ type: "put" as const, key, value: "new" as unknown }));
    const bad: [FastKVErrorCode, unknown][] = [
      ["FASTKV_INVALID_KEY", { type: "put", key: "\ud800", value: 1 }],
      ["FASTKV_INVALID_KEY", { type: "del", key: 5 }],
      ["FASTKV_INVALID_VALUE", { type: "put", key: "a", value: undefined }],
      ["FASTKV_INVALID_VALUE", { type: "put", key: "a", value: "x".repeat(1000) }],
      ["FASTKV_INVALID_VALUE", { type: "put", key: "a", value: new Map(), encoding: "msgpack" }],
      ["FASTKV_INVALID_OPTION", { type: "put", key: "a", value: 1, encoding: "xml" }],
      ["FASTKV_INVALID_OPTION", { type: "put", key: "a", value: 1, ttl: -1 }],
      ["FASTKV_INVALID_OPTION", { type: "merge", key: "a" }],
      ["FASTKV_INVALID_OPTION", null],
    ];
    for (const [code, operation] of bad) {
      for (const place of [0, 32, 64]) {
        const operations = good.toSpliced(place, 0, operation as never);
        await expectWriteRefused(code, () => db.batch(operations));
      }
    }
    await expectWriteRefused("FASTKV_INVALID_VALUE", () =>
      db.batchPut([...keys.map((key) => [key, 1] as const), ["a", 1n]]),
    );
    expect(await db.values().toArray()).to.deep.equal(keys.map(() => "old"));
    expect((await db.stats()).seq_num).to.equal(seq_num);
  });

  it("lets what reads its options, keys and operations use the store", async () => {
    const db = store();
    await db.batchPut({ a: "old", b: "old", c: "old", kept: "old" });
    await db.getMany(["a", "b", "c", "kept"]);
    const inner: Promise<unknown>[] = [];
    const durability = {
      get durability(): "background" {
        inner.push(db.put("inner", "put"), db.get("kept"));
        return "background";
      },
    };
    await db.put("a", "new", durability);
    const ttl = (): number => {
      inner.push(db.put("inner", "longer than what is put"));
      return 100_000;
    };
    const mortal = (key: string) => ({
      key,
      value: "new",
      get ttl(): number {
        return ttl();
      },
    });
    await db.put("mortal", "new", {
      get ttl() {
        return ttl();
      },
    });
    await db.bulkLoad([mortal("loaded")]);
    await db.batch([
      Object.defineProperty(mortal("also"), "type", { value: "put", enumerable: true }) as never,
    ]);
    await db.put("inner", "put");
    await db.delete("b", durability);
    await db.clear({ gte: "c", lt: "d" }, durability);
    let reads = 0;
    const operation = {
      type: "put" as const,
      value: "new",
      get key(): string {
        reads += 1;
        return reads === 1 ? "batched" : "kept";
      },
    };
    await db.batch([operation]);
    await Promise.all(inner);
    expect(await db.getMany(["mortal", "loaded", "also"])).to.deep.equal(["new", "new", "new"]);
    expect(await db.getMany(["a", "b", "c", "kept", "inner", "batched"])).to.deep.equal([
      "new",
      undefined,
      undefined,
      "old",
      "put",
      "new",
    ]);
    expect(reads).to.equal(1);
  });

  it("lets a value's own toJSON use the store", async () => {
    const db = store();
    const inner: Promise<void>[] = [];
    const value = {
      toJSON: () => {
        inner.push(db.put("inner", Uint8Array.of(1), { encoding: "binary" }), db.put("other", "text"));
        return { outer: true };
      },
    };
    await db.put("outer", value);
    await db.batchPut([["batched", value]]);
    await Promise.all(inner);
    expect(await db.getMany(["outer", "batched", "inner", "other"])).to.deep.equal([
      { outer: true },
      { outer: true },
      Uint8Array.of(1),
      "text",
    ]);
  });
});

describe("The largest values", function () {
  this.timeout(60_000);
  const stores = useStores();

  it("have 64 MiB where nothing else is said, and come back whole; one byte more is refused at once", async () => {
    const db = await stores().open<Uint8Array>({ encoding: "binary" });
    const largest = Buffer.alloc(64 * 1024 * 1024, "0123456789abcdef!");
    await db.put("largest", largest);
    const start = performance.now();
    const error = await rejection(db.put("larger", Buffer.alloc(largest.length + 1)));
    expect(performance.now() - start).to.be.below(1000);
    expect([error.code, error.writeOutcome]).to.deep.equal(["FASTKV_INVALID_VALUE", "not-applied"]);
    expect(error.message).to.include(String(largest.length));
    await db.close();
    const again = await stores().open<Uint8Array>({ encoding: "binary" });
    expect(await again.keys().toArray()).to.deep.equal(["largest"]);
    expect(largest.equals((await again.get("largest"))!)).to.equal(true);
  });
});
