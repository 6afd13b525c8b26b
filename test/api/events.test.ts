import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { expect } from "chai";
import type { FastKV, FastKVEvents } from "../../coordinator/index.js";
import { RecordingLogger } from "../coordinator/events/recording-logger.js";
import { rejection } from "../support/errors.js";
import { eventually, manyKeys, type Stores, shardPids, useStores } from "./support/stores.js";

const keys = manyKeys(64);

async function next<Name extends keyof FastKVEvents>(db: FastKV, name: Name): Promise<FastKVEvents[Name][0]> {
  const [details] = await once(db, name);
  return details as FastKVEvents[Name][0];
}

/** Flips a byte of the first data block of a table of shard 0, in a closed database; gives back its path. */
async function damageTable(stores: Stores): Promise<string> {
  const db = await stores.open();
  await db.batchPut(keys.map((key) => [key, key]));
  await db.flush();
  await db.close();
  const shard = path.join(stores.folder, "shard-000");
  const table = path.join(shard, fs.readdirSync(shard).find((name) => name.endsWith(".sst"))!);
  const bytes = fs.readFileSync(table);
  bytes[80]! ^= 0x10;
  fs.writeFileSync(table, bytes);
  return table;
}

describe("Events for an operator", function () {
  this.timeout(30_000);
  const stores = useStores();

  it("are logged before the call that they belong to resolves", async () => {
    const logger = new RecordingLogger();
    const db = await stores().open({ logger });
    expect(logger.of("opened")).to.have.length(1);
    await db.close();
    expect(logger.of("closed")).to.have.length(1);
  });

  it("tell of a shard that died and serves again, with the cause", async () => {
    const logger = new RecordingLogger();
    const db = await stores().open({ logger });
    const [victim] = await shardPids(db);
    const told = next(db, "shard-restart");
    process.kill(victim!, "SIGKILL");
    expect(await told).to.deep.equal({ shard: 0, reason: "was ended by SIGKILL" });
    await db.batchPut(keys.map((key) => [key, key]));
    expect((await db.stats()).restarts).to.equal(1);
    const [line] = logger.of("shard-restart");
    expect(line).to.deep.include({ level: "warn" });
    expect(line!.fields).to.deep.include({ shard: 0, shardPid: victim, reason: "was ended by SIGKILL" });
    const ready = logger.of("shard-ready").at(-1)!.fields;
    expect(ready).to.include({ shard: 0, shardPid: (await shardPids(db))[0] });
    expect(ready.durationMs).to.be.above(0);
  });

  it("tell of little space, with how much there is", async () => {
    const lowSpaceThreshold = Number.MAX_SAFE_INTEGER;
    const logger = new RecordingLogger();
    const db = await stores().open({ lowSpaceThreshold, logger });
    const { freeBytes, totalBytes, reason, ...rest } = await next(db, "space-low");
    expect(rest).to.deep.equal({ isLow: true, path: stores().folder, thresholdBytes: lowSpaceThreshold });
    const { bavail, bsize, blocks } = fs.statfsSync(stores().folder);
    expect(totalBytes).to.equal(blocks * bsize);
    expect(freeBytes).to.be.within(bavail * bsize * 0.8, bavail * bsize * 1.2);
    expect(reason).to.include(`${freeBytes} of ${totalBytes} bytes`);
    const { disk } = await db.stats();
    expect(disk).to.deep.equal({ free_bytes: freeBytes, total_bytes: totalBytes, is_low: true });
    expect(logger.of("space-low").map(({ level }) => level)).to.deep.equal(["warn"]);
  });

  it("say nothing of space where the threshold is 0", async () => {
    const db = await stores().open({ lowSpaceThreshold: 0 });
    await db.put("a", 1);
    expect((await db.stats()).disk).to.equal(undefined);
  });

  it("tell once of each damaged place, whichever calls met it", async () => {
    const table = await damageTable(stores());
    const logger = new RecordingLogger();
    const db = await stores().open({ logger });
    const told: FastKVEvents["corruption"][0][] = [];
    db.on("corruption", (details) => told.push(details));
    const errors = await Promise.all([
      rejection(db.scan().toArray()),
      rejection(Promise.all(keys.map((key) => db.get(key)))),
      rejection(db.count({ prefix: "key-0" })),
    ]);
    for (const error of errors) {
      expect(error.code).to.equal("FASTKV_CORRUPTION");
      expect(error.damage).to.deep.include({ path: table });
    }
    expect(told.length).to.equal(1);
    expect(told[0]).to.deep.include({ shard: 0, path: table });
    expect(told[0]!.offset).to.be.a("number");
    expect(told[0]!.reason).to.include("checksum");
    const { corruptions, shards } = await db.stats();
    expect([corruptions, ...shards.map((shard) => shard.corruptions)]).to.deep.equal([1, 1, 0]);
    expect(logger.of("corruption").map(({ level, fields }) => [level, fields.path])).to.deep.equal([
      ["error", table],
    ]);
  });

  it("tell of damage that a compaction meets, and of the compaction that failed", async () => {
    const table = await damageTable(stores());
    const db = await stores().open();
    const events = Promise.all([next(db, "corruption"), next(db, "background-error")]);
    await db.batchPut(keys.map((key) => [key, "newer"]));
    const compacting = rejection(db.compact());
    const [corruption, failure] = await events;
    expect(corruption).to.deep.include({ shard: 0, path: table });
    expect(failure).to.include({ shard: 0, code: "FASTKV_CORRUPTION" });
    expect((await compacting).code).to.equal("FASTKV_CORRUPTION");
    // It does not keep memtables from being flushed.
    await db.batchPut(keys.map((key) => [key, "newest"]));
    await db.flush();
    await db.close();
  });
});

describe("The log of a database", function () {
  this.timeout(30_000);
  const stores = useStores();

  it("has a line for each opening, start of a shard, piece of background work, and close", async () => {
    const logger = new RecordingLogger();
    const db = await stores().open({ logger });
    const pids = await shardPids(db);
    await db.batchPut(keys.map((key) => [key, "secret-value"]));
    await db.flush();
    await db.batchPut(keys.map((key) => [key, "secret-value"]));
    await db.compact();
    await db.bulkLoad(keys.map((key) => [key, "secret-value"] as const));
    await eventually("the shards' lines are there", () => logger.of("work").length >= 8);
    await db.close();
    await new Promise((resolve) => setImmediate(resolve));
    expect(
      logger.lines.every(({ fields, message }) => typeof fields.event === "string" && message !== ""),
    ).to.equal(true);
    expect(logger.of("opened")[0]!.fields).to.include({ path: stores().folder, shards: 2 });
    expect(logger.of("shard-ready").map(({ fields }) => fields.shardPid)).to.have.members(pids);
    expect(logger.of("closed").length).to.equal(1);
    const work = logger.of("work");
    for (const kind of ["flush", "compaction", "bulk-load"]) {
      for (const shard of [0, 1]) {
        const line = work.find(({ fields }) => fields.kind === kind && fields.shard === shard);
        expect(line?.level, `${kind} of shard ${shard}`).to.equal("debug");
        expect(line!.fields.shardPid).to.equal(pids[shard]);
        expect(line!.fields.durationMs).to.be.above(0);
        expect(line!.fields.writtenBytes).to.be.above(0);
      }
    }
    const all = JSON.stringify(logger.lines);
    expect(all).to.not.include("secret-value").and.to.not.include(keys[0]);
  });

  it("is written nowhere without a logger", async () => {
    const written: string[] = [];
    const originals = [process.stdout.write, process.stderr.write, console.log, console.error, console.warn];
    const note = (text: unknown): boolean => {
      written.push(String(text));
      return true;
    };
    process.stdout.write = note as typeof process.stdout.write;
    process.stderr.write = note as typeof process.stderr.write;
    console.log = console.error = console.warn = note;
    try {
      const db = await stores().open();
      const [victim] = await shardPids(db);
      const restarted = next(db, "shard-restart");
      process.kill(victim!, "SIGKILL");
      await restarted;
      await db.put("a", 1);
      await db.close();
    } finally {
      [process.stdout.write, process.stderr.write, console.log, console.error, console.warn] = originals as [
        typeof process.stdout.write,
        typeof process.stderr.write,
        typeof console.log,
        typeof console.error,
        typeof console.warn,
      ];
    }
    expect(written).to.deep.equal([]);
  });

  it("is refused by a logger that lacks a method", async () => {
    const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined };
    const error = await rejection(stores().open({ logger: logger as never }));
    expect(error.code).to.equal("FASTKV_INVALID_OPTION");
    expect(error.message).to.include("debug, info, warn and error");
  });

  it("keeps the methods' own this, as classes need it", async () => {
    class Counting {
      lines = 0;
      debug(): void {
        this.lines += 1;
      }
      info(): void {
        this.lines += 1;
      }
      warn(): void {
        this.lines += 1;
      }
      error(): void {
        this.lines += 1;
      }
    }
    const logger = new Counting();
    await (await stores().open({ logger })).close();
    await new Promise((resolve) => setImmediate(resolve));
    expect(logger.lines).to.equal(4);
  });
});
