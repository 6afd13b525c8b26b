import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { FastKV } from "../../coordinator/fastkv.js";
import type { OpenOptions } from "../../coordinator/options.js";
import type { FastKVErrorCode, WriteOutcome } from "../../shared/errors.js";
import { rejection } from "../support/errors.js";
import { isRunning, manyKeys, shardPids, useSharedStore, useStores } from "./support/stores.js";

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

describe("Backpressure", function () {
  this.timeout(60_000);
  const stores = useStores();

  it("meets a program that never awaits with FASTKV_OVERLOADED, and keeps all that it took", async () => {
    const db = await stores().open<number>({ maxInFlightBytes: 1024 * 1024 });
    const accepted: number[] = [];
    const codes = new Map<string, number>();
    const calls: Promise<void>[] = [];
    const before = process.memoryUsage().heapUsed;
    for (let number = 0; number < 200_000; number++) {
      calls.push(
        db.put(`key-${number}`, number).then(
          () => {
            accepted.push(number);
          },
          (error: { code: string }) => {
            codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
          },
        ),
      );
    }
    await Promise.all(calls);
    expect(process.memoryUsage().heapUsed - before).to.be.below(400 * 1024 * 1024);
    expect([...codes.keys()]).to.deep.equal(["FASTKV_OVERLOADED"]);
    expect(accepted.length).to.be.above(1000);
    expect(accepted.length + codes.get("FASTKV_OVERLOADED")!).to.equal(200_000);
    expect(await db.count()).to.equal(accepted.length);
    expect(await db.getMany(accepted.slice(0, 3000).map((number) => `key-${number}`))).to.deep.equal(
      accepted.slice(0, 3000),
    );
    expect((await db.stats()).in_flight_bytes).to.equal(0);
  });

  it("lets a program that awaits its batches wait, and takes what it calls next", async () => {
    const db = await stores().open<string>({ maxInFlightBytes: 1024 * 1024 });
    const value = "x".repeat(1000);
    for (let round = 0; round < 10; round++) {
      await db.batchPut(manyKeys(1000).map((key) => [key, `${round}${value}`]));
      expect(await db.get("key-00000")).to.equal(`${round}${value}`);
    }
    await db.put("after", "it");
    expect(await db.keys("after").toArray()).to.deep.equal(["after"]);
    await db.close();
  });

  it("takes a million puts that nobody awaits, or says which it did not take", async () => {
    const db = await stores().open<number>();
    const count = 1_000_000;
    let accepted = 0;
    const codes = new Map<string, number>();
    let settled = (): void => undefined;
    const allSettled = new Promise<void>((resolve) => {
      let open = count;
      settled = () => {
        open -= 1;
        if (open === 0) {
          resolve();
        }
      };
    });
    const onAccepted = (): void => {
      accepted += 1;
      settled();
    };
    const onRefused = (error: { code: string }): void => {
      codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
      settled();
    };
    for (let number = 0; number < count; number++) {
      db.put(`key-${number}`, number).then(onAccepted, onRefused);
    }
    await allSettled;
    expect([...codes.keys()].filter((code) => code !== "FASTKV_OVERLOADED")).to.deep.equal([]);
    expect(accepted).to.be.above(100_000);
    expect(await db.count()).to.equal(accepted);
    expect((await db.stats()).in_flight_bytes).to.equal(0);
  });

  it("lets a program that awaits wait, also with durability none", async () => {
    const db = await stores().open<string>({ maxInFlightBytes: 256 * 1024 });
    for (let number = 0; number < 20_000; number++) {
      await db.put(`key-${number}`, "x".repeat(50), { durability: "none" });
    }
    for (let number = 0; number < 2000; number++) {
      await db.batchPut(
        manyKeys(10, `batch-${number}`).map((key) => [key, key]),
        { durability: "none" },
      );
    }
    expect(await db.count()).to.equal(40_000);
  });

  it("leaves the event loop its turns, whatever is awaited with durability none", async () => {
    const db = await stores().open({ durability: "none" });
    const writes = [
      (at: number) => db.put(`key-${at}`, at),
      (at: number) => db.batchPut([[`key-${at}`, at]]),
      (at: number) => db.batchPut(manyKeys(8).map((key) => [key, at])),
    ];
    for (const write of writes) {
      let turns = 0;
      let isOver = false;
      const count = (): void => {
        turns += 1;
        if (!isOver) {
          setImmediate(count);
        }
      };
      setImmediate(count);
      for (let at = 0; at < 6400; at++) {
        await write(at);
      }
      isOver = true;
      expect(turns).to.be.at.least(90);
    }
    await db.close();
  });

  it("lets it wait for writes larger than all that may be on its way, too", async () => {
    const db = await stores().open<string>({ maxInFlightBytes: 64 * 1024, durability: "none" });
    const value = "x".repeat(70_000);
    for (let number = 0; number < 50; number++) {
      await db.put(`key-${number}`, value);
      await db.batchPut(manyKeys(4, `batch-${number}`).map((key) => [key, value]));
      expect(await db.get(`key-${number}`)).to.equal(value);
    }
    expect(await db.count()).to.equal(250);
  });

  it("counts what is on its way right, for keys of any characters and over restarts", async () => {
    const db = await stores().open<string>({ maxInFlightBytes: 1024 * 1024, readCacheSize: 0 });
    const keys = Array.from({ length: 200 }, (_, at) => `ключ-日本-${at}`);
    await Promise.all(keys.map((key) => db.put(key, key)));
    for (let round = 0; round < 10; round++) {
      await Promise.all(keys.map((key) => db.get(key)));
      await db.getMany(keys);
    }
    expect((await db.stats()).in_flight_bytes).to.equal(0);
    const pids = await shardPids(db as FastKV);
    const calls = keys.map((key) => db.put(key, "new"));
    await new Promise((resolve) => setImmediate(resolve));
    for (const pid of pids) {
      process.kill(pid, "SIGKILL");
    }
    await Promise.all(calls);
    expect(new Set(await db.getMany(keys))).to.deep.equal(new Set(["new"]));
    expect((await db.stats()).in_flight_bytes).to.equal(0);
  });
});

describe("Opening", function () {
  this.timeout(60_000);
  const stores = useStores();

  async function expectNotOpened(
    code: FastKVErrorCode,
    options: OpenOptions = {},
    name = "db",
  ): Promise<string> {
    const start = performance.now();
    const error = await rejection(stores().open(options, name));
    expect(error.code, error.message).to.equal(code);
    expect(performance.now() - start).to.be.below(5000);
    expect(fs.readdirSync(stores().runtimeFolder)).to.deep.equal([]);
    return error.message;
  }

  it("refuses unfit options", async () => {
    const bad: OpenOptions[] = [
      ...[0, -1, 1.5, 257, 1e9, Number.NaN, "2", null].map((shards) => ({ shards: shards as number })),
      { shardCount: 2 } as OpenOptions,
      { durability: "yes" as never },
      { encoding: "pickle" as never },
      { compression: "rar" as never },
      { maxMemtableSize: 5 },
      { readCacheSize: -1 },
      { handleSignals: 1 as never },
      { shardModule: "not a url" },
      { execArgv: "--x" as never },
      { runtimeFolder: "" },
    ];
    for (const options of bad) {
      await expectNotOpened("FASTKV_INVALID_OPTION", options);
    }
    for (const folder of ["", "a\0b", 5, undefined, null] as string[]) {
      expect((await rejection(FastKV.open(folder))).code).to.equal("FASTKV_INVALID_OPTION");
    }
    expect((await rejection(FastKV.open("x", null as never))).code).to.equal("FASTKV_INVALID_OPTION");
    expect(fs.existsSync(stores().folder)).to.equal(false);
  });

  it("refuses a second opening, naming the holder, and another number of shards, naming both", async () => {
    const db = await stores().open({ shards: 3 });
    expect(await expectLocked()).to.include(String(process.pid));
    await db.put("a", 1);
    await db.close();
    const message = await expectNotOpened("FASTKV_SHARD_MISMATCH", { shards: 2 });
    expect(message).to.match(/3.*2/);
    expect(await (await stores().open({ shards: 3 })).get("a")).to.equal(1);

    async function expectLocked(): Promise<string> {
      const error = await rejection(stores().open());
      expect(error.code).to.equal("FASTKV_LOCKED");
      return error.message;
    }
  });

  it("refuses folders that are missing, foreign or none, and leaves them as they are", async () => {
    const { root } = stores();
    await expectNotOpened("FASTKV_NOT_FOUND", {}, "missing/db");
    await expectNotOpened("FASTKV_NOT_FOUND", { createIfMissing: false });
    await (await stores().open({ errorIfExists: true }, "made")).close();
    expect(await expectNotOpened("FASTKV_EXISTS", { errorIfExists: true }, "made")).to.include("made");
    await (await stores().open({ createIfMissing: false }, "made")).close();
    fs.mkdirSync(path.join(root, "foreign"));
    fs.writeFileSync(path.join(root, "foreign", "letter.txt"), "mine");
    await expectNotOpened("FASTKV_NOT_A_DATABASE", {}, "foreign");
    expect(fs.readdirSync(path.join(root, "foreign"))).to.deep.equal(["letter.txt"]);
    await expectNotOpened("FASTKV_NOT_A_DATABASE", {}, "foreign/letter.txt");
  });

  it("refuses a runtime folder whose sockets would have too long a path, or that is missing", async () => {
    const deep = path.join(stores().root, "x".repeat(90));
    fs.mkdirSync(deep);
    await expectNotOpened("FASTKV_INVALID_OPTION", { runtimeFolder: deep });
    await expectNotOpened("FASTKV_IO", { runtimeFolder: path.join(stores().root, "nowhere") });
    const db = await stores().open({}, `${"y".repeat(120)}`);
    await db.put("a", 1);
    expect(await db.get("a")).to.equal(1);
  });

  it("fails at once where no shard can be started, and leaves nothing that hinders the next opening", async () => {
    const exits = path.join(stores().root, "exits.mjs");
    fs.writeFileSync(exits, "process.exit(9);\n");
    const forgets = path.join(stores().root, "forgets.mjs");
    fs.writeFileSync(forgets, 'process.once("message", () => setImmediate(() => process.disconnect()));\n');
    expect(await expectNotOpened("FASTKV_SHARD_UNAVAILABLE", { execPath: "/nowhere/node" })).to.include(
      "ENOENT",
    );
    expect(
      await expectNotOpened("FASTKV_SHARD_UNAVAILABLE", { shardModule: pathToFileURL(exits) }),
    ).to.include("code 9");
    await expectNotOpened("FASTKV_SHARD_UNAVAILABLE", { shardModule: pathToFileURL(forgets) });
    const db = await stores().open();
    const pids = await shardPids(db);
    expect(pids.every(isRunning)).to.equal(true);
    await db.put("a", 1);
    expect(await db.get("a")).to.equal(1);
  });
});
