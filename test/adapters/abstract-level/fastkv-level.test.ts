/** What is FastKV's own in FastKVLevel, and modules of Level's world on it, on real processes. */

import { once } from "node:events";
import path from "node:path";
import type { Readable } from "node:stream";
import { inspect } from "node:util";
import { expect } from "chai";
import { EntryStream, KeyStream, ValueStream } from "level-read-stream";
import {
  FastKVLevel,
  type FastKVLevelOptions,
  LevelError,
} from "../../../coordinator/adapters/abstract-level/index.js";
import type { OpenOptions } from "../../../coordinator/calls/options.js";
import { FastKV } from "../../../coordinator/fastkv.js";
import { isRunning, manyKeys, shardPids } from "../../api/support/stores.js";
import { Random } from "../../support/random.js";
import { SimulatedFileSystem } from "../../support/simulated-file-system.js";
import { openSimulated, SteppedClock } from "../../support/simulated-store.js";
import { makeTemporaryFolder, removeTemporaryFolder } from "../../support/temporary-folder.js";

describe("FastKVLevel", () => {
  let root: string | undefined;
  const opened: { close(): Promise<void> }[] = [];

  function folder(): string {
    root ??= makeTemporaryFolder();
    return root;
  }

  function open<K = string, V = string>(options: FastKVLevelOptions<K, V> = {}): FastKVLevel<K, V> {
    const db = new FastKVLevel<K, V>(path.join(folder(), "db"), options);
    opened.push(db);
    return db;
  }

  afterEach("close the databases", async () => {
    await Promise.all(opened.splice(0).map((db) => db.close()));
    if (root !== undefined) {
      removeTemporaryFolder(root);
      root = undefined;
    }
  });

  async function failure(
    promise: Promise<unknown>,
  ): Promise<Error & { code: string; cause: { code: string } }> {
    try {
      await promise;
    } catch (error) {
      return error as Error & { code: string; cause: { code: string } };
    }
    throw new Error("The promise should have been rejected");
  }

  it("can be opened again behind a close that failed, once it was closed again", async () => {
    const disk = new SimulatedFileSystem({ random: new Random(8), maxAsyncTurns: 2, folders: ["/data"] });
    class OnBadDisk extends FastKVLevel {
      override async _openStore(_location: string, options: OpenOptions): Promise<FastKV> {
        const { db } = await openSimulated(disk, new SteppedClock(), { ...options, syncInterval: 60_000 });
        return db;
      }
    }
    const db = new OnBadDisk("db");
    await db.open();
    await db.batch(manyKeys(64).map((key) => ({ type: "put", key, value: "kept" })));
    disk.failNext({ operation: "sync", path: /batch-log/, times: 1_000_000 }, "EIO");
    expect((await failure(db.put("a", "1", { durability: "sync" }))).code).to.equal("LEVEL_READONLY");
    expect((await failure(db.close())).code).to.equal("LEVEL_DATABASE_NOT_CLOSED");
    disk.clearFaults();
    await db.close();
    expect(db.status).to.equal("closed");
    await db.open();
    expect(await db.get(manyKeys(64)[0]!)).to.equal("kept");
    await db.close();
  });

  it("keeps its data over a close and an open, in the shards that FastKV was told to use", async () => {
    const db = open<string, object>({ valueEncoding: "json", fastkv: { shards: 3 } });
    await db.put("user:1", { name: "Alice" });
    expect(db.store?.shardCount).to.equal(3);
    const pids = await shardPids(db.store!);
    await db.close();
    expect(db.store).to.equal(undefined);
    expect(pids.some(isRunning)).to.equal(false);
    await db.open();
    expect(await db.get("user:1")).to.deep.equal({ name: "Alice" });
    expect(await db.get("user:2")).to.equal(undefined);
  });

  it("writes a batch over several sublevels and encodings at once, and reads one back from a snapshot", async () => {
    const db = open();
    const users = db.sublevel<string, object>("users", { valueEncoding: "json" });
    const index = db.sublevel<Uint8Array, Uint8Array>("index", {
      keyEncoding: "view",
      valueEncoding: "view",
    });
    await db.batch([
      { type: "put", key: "alice", value: { age: 1 } as never, sublevel: users },
      {
        type: "put",
        key: Uint8Array.of(0xff, 0) as never,
        value: Uint8Array.of(0xfe) as never,
        sublevel: index,
      },
      { type: "put", key: "plain", value: "text" },
    ]);
    await using snapshot = db.snapshot();
    await users.clear();
    await db.batch().del("plain").put("other", "x").write();
    expect(await users.get("alice", { snapshot })).to.deep.equal({ age: 1 });
    expect(await users.keys().all()).to.deep.equal([]);
    expect(await index.iterator().all()).to.deep.equal([[Uint8Array.of(0xff, 0), Uint8Array.of(0xfe)]]);
    expect(await db.keys({ gte: "a", snapshot }).all()).to.deep.equal(["plain"]);
    expect(await db.hasMany(["plain", "other"])).to.deep.equal([false, true]);
  });

  it("clears as Level does where bounds are undefined, or a direction stands without a limit", async () => {
    // This encoding leaves undefined as it is.
    const db = open<number, string>({ keyEncoding: "json" });
    const keys = [1, 2, 3, 4];
    for (const [range, left] of [
      [{ gt: keys[0], lt: undefined, lte: undefined }, 1],
      [{ lt: keys[2], gte: undefined, reverse: true, limit: undefined }, 2],
      [{ reverse: true, limit: 1 }, 3],
      [{ reverse: true }, 0],
    ] as const) {
      await db.batch(keys.map((key) => ({ type: "put", key, value: "x" })));
      await db.clear(range as object);
      expect(await db.keys().all(), inspect(range)).to.have.length(left);
    }
  });

  it("expires entries and syncs writes where a call says so, also through sublevels", async () => {
    const db = open();
    await db.put("short", "x", { ttl: 60_000, durability: "sync" });
    await db.batch([{ type: "put", key: "batched", value: "x" }], { ttl: 60_000, sync: true });
    await db.del("nothing", { sync: true });
    await db.sublevel("s").put("k", "x", { ttl: 60_000 } as object);
    await db.put("long", "x");
    for (const key of ["short", "batched", "!s!k"]) {
      expect(await db.store!.ttl(key), key).to.be.within(1, 60_000);
    }
    expect(await db.store!.ttl("long")).to.equal(Number.POSITIVE_INFINITY);
    const syncs = (await failure(db.put("a", "b", { durability: "soon" as never }))).message;
    expect(syncs).to.include("durability");
  });

  it("seeks in a range of binary keys, within one moment", async () => {
    const db = open<Buffer, string>({ keyEncoding: "buffer" });
    const keys = Array.from({ length: 200 }, (_, at) => Buffer.of(at));
    await db.batch(keys.map((key, at) => ({ type: "put", key, value: String(at) })));
    const iterator = db.iterator({ gt: Buffer.of(0x10), reverse: true });
    await db.clear();
    expect(() => iterator.seek(Buffer.alloc(65_536)))
      .to.throw()
      .with.property("code", "LEVEL_INVALID_KEY");
    iterator.seek(Buffer.of(0x80));
    expect(await iterator.next()).to.deep.equal([Buffer.of(0x80), "128"]);
    iterator.seek(Buffer.of(0x12));
    expect(await iterator.nextv(10)).to.deep.equal([
      [Buffer.of(0x12), "18"],
      [Buffer.of(0x11), "17"],
    ]);
    await iterator.close();
    expect(await db.keys().all()).to.deep.equal([]);
  });

  it("refuses FastKV's names for what Level has itself", async () => {
    for (const [name, instead] of [
      ["encoding", "valueEncoding"],
      ["createIfMissing", "createIfMissing"],
      ["errorIfExists", "errorIfExists"],
    ]) {
      const db = new FastKVLevel(path.join(folder(), "p"), { fastkv: { [name!]: "json" } as never });
      const { cause } = await failure(db.open());
      expect((cause as unknown as Error).message, name).to.contain(
        `new FastKVLevel(location, { ${instead} })`,
      );
    }
  });

  it("speaks of errors in Level's codes, with FastKV's as the cause", async () => {
    const db = open();
    await db.open();
    const second = await failure(open().open());
    expect(second.code).to.equal("LEVEL_DATABASE_NOT_OPEN");
    expect(second.cause).to.be.instanceOf(LevelError).and.include({ code: "LEVEL_LOCKED" });
    expect((second.cause as unknown as Error).message).to.include(String(process.pid));
    const tooLong = await failure(db.put("x".repeat(70_000), "x"));
    expect(tooLong).to.include({ code: "LEVEL_INVALID_KEY" });
    expect(tooLong.cause).to.include({ code: "FASTKV_INVALID_KEY" });
    const other = await failure(
      new FastKVLevel(path.join(folder(), "o"), { fastkv: { shard: 1 } as never }).open(),
    );
    expect(other.cause).to.include({ code: "FASTKV_INVALID_OPTION" });
    expect(() => new FastKVLevel("")).to.throw(TypeError, "location");
  });

  it("reads bytes that FastKV put, and says so where FastKV put something else", async () => {
    const store = await FastKV.open(path.join(folder(), "db"));
    await store.put("bytes", Buffer.from("text"), { encoding: "binary" });
    await store.put("object", { a: 1 });
    await store.close();
    const db = open();
    expect(await db.get("bytes")).to.equal("text");
    expect((await failure(db.get("object"))).code).to.equal("LEVEL_DECODE_ERROR");
    expect((await failure(db.values().all())).code).to.equal("LEVEL_DECODE_ERROR");
  });

  it("ends an iterator that its signal aborts, and frees what it held", async () => {
    const db = open();
    await db.batch(manyKeys(5000).map((key) => ({ type: "put", key, value: key })));
    const abort = new AbortController();
    const iterator = db.iterator({ signal: abort.signal });
    await iterator.next();
    abort.abort();
    expect(await failure(iterator.next())).to.include({ code: "LEVEL_ABORTED", name: "AbortError" });
    await iterator.close();
    const reading = new AbortController();
    const all = failure(db.values({ signal: reading.signal }).all());
    reading.abort();
    expect(await all).to.include({ code: "LEVEL_ABORTED", name: "AbortError" });
    expect((await db.store!.stats()).snapshots).to.equal(0);
  });

  it("carries the streams of level-read-stream, forwards, backwards and left half-way", async () => {
    const db = open();
    const keys = manyKeys(3000);
    await db.batch(keys.map((key) => ({ type: "put", key, value: key.toUpperCase() })));
    // The types of readable-stream, which these streams are made with, are no part of it.
    const readable = (stream: object): Readable => stream as Readable;
    const read = (stream: object): Promise<unknown[]> => readable(stream).toArray();
    expect(await read(new KeyStream(db))).to.deep.equal(keys);
    expect(await read(new ValueStream(db, { reverse: true, limit: 2 }))).to.deep.equal([
      keys[2999]!.toUpperCase(),
      keys[2998]!.toUpperCase(),
    ]);
    const range = { gte: keys[10]!, lt: keys[12]! };
    expect(await read(new EntryStream(db, range))).to.deep.equal(
      [10, 11].map((at) => ({ key: keys[at], value: keys[at]!.toUpperCase() })),
    );
    const left = readable(new KeyStream(db));
    await once(left, "data");
    left.destroy();
    await once(left, "close");
    expect((await db.store!.stats()).snapshots).to.equal(0);
  });

  it("refuses options of FastKV.open in the place of Level's, which would ignore them", async () => {
    const misplaced: object = { shards: 3 };
    expect(() => open(misplaced))
      .to.throw("{ fastkv: { shards } }")
      .with.property("code", "FASTKV_INVALID_OPTION");
    const db = open({ fastkv: { shards: 3 } });
    expect((await failure(db.open(misplaced))).cause).to.include({ code: "FASTKV_INVALID_OPTION" });
    await db.open();
    expect(db.store!.shardCount).to.equal(3);
    await db.close();
  });

  it("opens folders by Level's options", async () => {
    const missing = await failure(open({ createIfMissing: false }).open());
    expect(missing.cause).to.include({ code: "FASTKV_NOT_FOUND" });
    await open({ errorIfExists: true }).close();
    const db = open();
    await db.open();
    await db.close();
    const there = await failure(open({ errorIfExists: true }).open());
    expect(there.cause).to.include({ code: "FASTKV_EXISTS" });
  });
});
