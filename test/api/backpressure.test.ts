import { expect } from "chai";
import type { FastKV } from "../../coordinator/fastkv.js";
import type { FastKVError } from "../../shared/errors.js";
import { TurnCounter } from "../support/turn-counter.js";
import { manyKeys, shardPids, useStores } from "./support/stores.js";

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

  it("lets each of several calls of compact wait until all is compacted", async () => {
    const db = await stores().open<string>({ maxMemtableSize: 64 * 1024, shards: 1 });
    const value = "v".repeat(1000);
    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: 2000 }, (_, at) => db.put(`key-${at}`, value)));
      const levels = async (): Promise<number> => {
        await db.compact();
        const { sstable_stats: found } = await db.stats();
        return Object.values(found).filter(({ files }) => files > 0).length;
      };
      expect(await Promise.all([levels(), levels(), levels()])).to.deep.equal([1, 1, 1]);
    }
    await db.close();
  });

  it("lets in the answers that make room, while a program does nothing but try again", async () => {
    const db = await stores().open<string>({ maxInFlightBytes: 1024 * 1024 });
    const flood = Array.from({ length: 3000 }, (_, number) =>
      db.put(`key-${number}`, "x".repeat(10_000)).catch((error: FastKVError) => error.code),
    );
    let tries = 0;
    for (let isTaken = false; !isTaken; tries++) {
      expect(tries).to.be.below(100_000);
      isTaken = await db.put("again", "x").then(
        () => true,
        () => false,
      );
    }
    expect(tries).to.be.above(1);
    expect(new Set(await Promise.all(flood))).to.deep.equal(new Set([undefined, "FASTKV_OVERLOADED"]));
    expect(await db.get("again")).to.equal("x");
    await db.close();
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
      const counter = new TurnCounter();
      for (let at = 0; at < 6400; at++) {
        await write(at);
      }
      counter.stop();
      expect(counter.turns).to.be.at.least(90);
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

  it("refuses flushes, compactions and statistics that nobody awaits, but gives statistics when writes fill all", async () => {
    const db = await stores().open<string>({ maxInFlightBytes: 64 * 1024 });
    for (const call of [() => db.flush(), () => db.compact(), () => db.stats()]) {
      const outcomes = await Promise.all(
        Array.from({ length: 200 }, () =>
          call().then(
            () => "served",
            ({ code, writeOutcome }: FastKVError) => `${code}, ${writeOutcome}`,
          ),
        ),
      );
      expect(new Set(outcomes)).to.deep.equal(new Set(["served", "FASTKV_OVERLOADED, none"]));
      expect(outcomes.lastIndexOf("served")).to.equal(outcomes.indexOf("FASTKV_OVERLOADED, none") - 1);
    }
    const puts = Promise.allSettled(manyKeys(100).map((key) => db.put(key, "x".repeat(10_000))));
    expect((await db.stats()).shard_count).to.equal(2);
    expect((await puts).map(({ status }) => status)).to.include("rejected");
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
