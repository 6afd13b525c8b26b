/** A disk that runs full under a store, and has room again later. */

import { expect } from "chai";
import { verifyIn } from "../../../coordinator/maintenance/verify.js";
import type { ShardLink, ShardLinkEvents } from "../../../coordinator/shards/shard-link.js";
import type { FastKVError } from "../../../shared/errors.js";
import { shardOfKey } from "../../../shared/hash.js";
import { frameType, frameTypeOf, readAnswersHeader } from "../../../shared/wire/frame.js";
import { InProcessLauncher } from "../../support/in-process-launcher.js";
import { Random } from "../../support/random.js";
import { SimulatedFileSystem } from "../../support/simulated-file-system.js";
import {
  maintenanceOn,
  openSimulated,
  restart,
  SteppedClock,
  storeFolder,
  tinySettings,
} from "../../support/simulated-store.js";

async function failureOf(call: Promise<unknown>): Promise<FastKVError> {
  return call.then(
    () => expect.fail("the write was taken"),
    (error: FastKVError) => error,
  );
}

function outcomeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "served",
    (error: FastKVError) => error.code,
  );
}

function turn(): Promise<string> {
  return new Promise((resolve) => setImmediate(() => resolve("waits")));
}

async function turns(count: number): Promise<void> {
  for (let left = count; left > 0; left--) {
    await turn();
  }
}

/**
 * Shards in this process; a test may step in when one is launched, look at what is sent to one, and lose or hold back what one
 * sends.
 */
class WatchedLauncher extends InProcessLauncher {
  onSend: (frame: Buffer) => unknown = () => undefined;
  onLaunch: (shardIndex: number) => Promise<void> = async () => undefined;
  isLost: (shardIndex: number, frame: Buffer) => boolean = () => false;
  heldBackTill: (shardIndex: number) => Promise<void> | undefined = () => undefined;

  override async launch(shardIndex: number, events: ShardLinkEvents): Promise<ShardLink> {
    await this.onLaunch(shardIndex);
    const onFrames = (all: Buffer[]): void => {
      const frames = all.filter((frame) => !this.isLost(shardIndex, frame));
      const free = this.heldBackTill(shardIndex);
      if (free === undefined) {
        events.onFrames(frames);
      } else {
        void free.then(() => events.onFrames(frames));
      }
    };
    const link = await super.launch(shardIndex, { ...events, onFrames });
    const send = link.send.bind(link);
    link.send = (frame): void => {
      send(frame);
      this.onSend(frame);
    };
    return link;
  }
}

function inProcess(disk: SimulatedFileSystem): WatchedLauncher {
  return new WatchedLauncher(disk, { settings: tinySettings });
}

function isRefusal(frame: Buffer): boolean {
  return frameTypeOf(frame) === frameType.answers && readAnswersHeader(frame).refusedTo > 0;
}

function hasNews(frame: Buffer): boolean {
  return isRefusal(frame) || readAnswersHeader(frame).answers > 0;
}

/** In a store on two shards. */
function shardOf(key: string): number {
  const bytes = Buffer.from(key);
  return shardOfKey(bytes, bytes.length, 2);
}

/** An open store on two shards with some keys, each its own value. */
async function twoShards(seed: number) {
  const disk = new SimulatedFileSystem({ random: new Random(seed), maxAsyncTurns: 2, folders: ["/data"] });
  const launcher = inProcess(disk);
  const { db } = await openSimulated(disk, new SteppedClock(), { shards: 2 }, launcher);
  const keys = Array.from({ length: 20 }, (_, n) => `key-${n}`);
  await db.batchPut(keys.map((key) => [key, key]));
  return { disk, launcher, db, keys };
}

describe("a full disk", () => {
  it("refuses writes, serves reads, and takes writes again when there is room, without a restart", async () => {
    const disk = new SimulatedFileSystem({ random: new Random(7), maxAsyncTurns: 2, folders: ["/data"] });
    const launcher = new InProcessLauncher(disk, { settings: tinySettings });
    const { db } = await openSimulated(
      disk,
      new SteppedClock(),
      { shards: 2, maxMemtableSize: 64 * 1024 },
      launcher,
    );
    await db.put("before", 1);

    disk.setFreeBytes(0);
    for (let n = 0; n < 50; n++) {
      const error = await failureOf(db.put(`refused-${n}`, "x".repeat(200)));
      expect(error.code).to.equal("FASTKV_NO_SPACE");
      expect(error.writeOutcome).to.equal("not-applied");
    }
    expect(await db.get("before")).to.equal(1);
    expect(await db.keys().toArray()).to.deep.equal(["before"]);

    disk.setFreeBytes(undefined);
    await db.put("after", 2, { durability: "sync" });
    expect(await db.scan().toArray()).to.deep.equal([
      ["after", 2],
      ["before", 1],
    ]);
    expect((await db.stats()).restarts).to.equal(0);
    await db.close();
  });

  it("has a read see just what was called before it, also in front of a batch that shards take without room", async () => {
    const { disk, db, keys } = await twoShards(10);
    const random = new Random(11);
    for (let round = 0; round < 3; round++) {
      const before = await db.getMany(keys);
      disk.setFreeBytes(0);
      const first = db.getMany(keys);
      // Refused: of what is sent with it only the parts of the batch are taken.
      const refused = keys.slice(0, 4).map((key) => outcomeOf(db.put(key, "refused")));
      const key = random.pick(keys);
      const single = db.get(key);
      const value = `batch-${round}`;
      const batch = outcomeOf(db.batchPut(keys.map((one) => [one, value])));
      const behind = db.getMany(keys);
      expect(await first, "in front of the refused").to.deep.equal(before);
      expect(await Promise.all(refused)).to.deep.equal(Array(4).fill("FASTKV_NO_SPACE"));
      expect(await single, "in front of the batch").to.equal(before[keys.indexOf(key)]);
      expect(await behind).to.deep.equal(keys.map(() => value));
      expect(await batch).to.equal("FASTKV_NO_SPACE");
      disk.setFreeBytes(undefined);
      while (
        (await outcomeOf(
          db.batchPut([
            ["room", round],
            ["again", round],
          ]),
        )) !== "served"
      ) {
        await turn();
      }
    }
    await db.close();
  });

  it("goes on behind a refusal, however many full memtables, or flushes, come in front of the news that it was heard", async () => {
    for (const between of ["batches", "flushes"] as const) {
      const disk = new SimulatedFileSystem({
        random: new Random(8),
        maxAsyncTurns: 2,
        folders: ["/data"],
      });
      const options = { shards: 2, maxMemtableSize: 64 * 1024 };
      const { db } = await openSimulated(disk, new SteppedClock(), options, inProcess(disk));
      const keys = ["a", "b", "c", "d", "e", "f"];
      expect(new Set(keys.map(shardOf)).size).to.equal(2);
      disk.failNext({ operation: "write", path: /\.wal$/, times: 1 }, "ENOSPC");
      // Large: each travels in a frame of its own, and fills a memtable.
      const value = "x".repeat(600 * 1024);
      const calls = [outcomeOf(db.put("a", value))];
      for (let round = 0; round < 8; round++) {
        calls.push(outcomeOf(db.batchPut(keys.map((key) => [key, `${value}${round}`]))));
        if (between === "flushes") {
          calls.push(outcomeOf(db.flush()));
        }
      }
      const outcomes = await Promise.all(calls);
      expect(outcomes[0]).to.equal("FASTKV_NO_SPACE");
      expect(new Set(outcomes.slice(1)), between).to.deep.equal(new Set(["served"]));
      expect(await db.get("a")).to.equal(`${value}7`);
      await db.close();
    }
  });

  it("answers reads behind batches that fill memtables while the batch log has no room, and lets the program close", async () => {
    const disk = new SimulatedFileSystem({ random: new Random(9), maxAsyncTurns: 2, folders: ["/data"] });
    const options = { shards: 2, maxMemtableSize: 64 * 1024 };
    const { db } = await openSimulated(disk, new SteppedClock(), options, inProcess(disk));
    const keys = ["a", "b", "c", "d", "e", "f"];
    expect(new Set(keys.map(shardOf)).size).to.equal(2);
    disk.failNext({ path: /batch-log/, times: 1_000_000 }, "ENOSPC");
    const value = "x".repeat(600 * 1024);
    const calls = Array.from({ length: 8 }, (_, round) =>
      outcomeOf(db.batchPut(keys.map((key) => [key, `${value}${round}`]))),
    );
    const behind = db.getMany(keys);
    expect(new Set(await Promise.all(calls))).to.deep.equal(new Set(["FASTKV_NO_SPACE"]));
    expect(await behind).to.deep.equal(keys.map(() => `${value}7`));
    expect(await outcomeOf(db.put("a", "more"))).to.equal("FASTKV_NO_SPACE");
    expect(await outcomeOf(db.close())).to.be.oneOf(["served", "FASTKV_NO_SPACE", "FASTKV_READ_ONLY"]);
  });

  for (const durable of ["in the WAL", "in a table"] as const) {
    it(`loses no put that it has refused where the refusal is lost with the shard, and a later batch is ${durable}`, async () => {
      const { disk, launcher, db, keys } = await twoShards(12);
      const key = keys.find((one) => shardOf(one) === 0)!;
      disk.setFreeBytes(0);
      let isRefused = false;
      launcher.isLost = (shardIndex, frame) => {
        isRefused ||= shardIndex === 0 && isRefusal(frame);
        return shardIndex === 0;
      };
      const put = outcomeOf(db.put(key, "new"));
      const batch = outcomeOf(db.batchPut(keys.filter((one) => one !== key).map((one) => [one, "batch"])));
      expect(await batch).to.equal("FASTKV_NO_SPACE");
      while (!isRefused) {
        await turn();
      }
      disk.setFreeBytes(undefined);
      // The batch log, which tries again in real time, has its record then: of the batch nothing is held back any more.
      while (
        (await outcomeOf(db.batchPut(keys.filter((one) => one !== key).map((one) => [one, "later"])))) !==
        "served"
      ) {
        await turn();
      }
      const flushed = durable === "in a table" ? outcomeOf(db.flush()) : undefined;
      await turns(200);
      launcher.isLost = () => false;
      launcher.kill(0);
      expect(await put).to.equal("served");
      expect(await db.get(key)).to.equal("new");
      await flushed;
      await db.close();
      const again = await openSimulated(disk, new SteppedClock(), { shards: 2 });
      expect(await again.db.get(key)).to.equal("new");
      await again.db.close();
    });
  }

  it("tells what it refuses in front of the reads behind it: they keep their order where the shard dies in between", async () => {
    const { disk, launcher, db, keys } = await twoShards(13);
    const own = keys.filter((one) => shardOf(one) === 0);
    const key = own[0]!;
    await db.batchPut(own.slice(1).map((one) => [one, "x".repeat(300_000)]));
    // Nothing is left that would give room back later.
    await db.compact();
    disk.setFreeBytes(0);
    // The refusal, or the first answers where those come first, is the last of the shard that arrives.
    let isCutOff = false;
    launcher.isLost = (shardIndex, frame) => {
      const isLost = isCutOff && shardIndex === 0;
      isCutOff ||= shardIndex === 0 && frameTypeOf(frame) === frameType.answers && hasNews(frame);
      return isLost;
    };
    const put = outcomeOf(db.put(key, "new"));
    const behind = db.get(key);
    const others = own.slice(1).map((one) => db.get(one));
    while (!isCutOff) {
      await turn();
    }
    disk.setFreeBytes(undefined);
    launcher.isLost = () => false;
    launcher.kill(0);
    const isTaken = (await put) === "served";
    const expected = isTaken ? "new" : key;
    expect(await behind).to.equal(expected);
    expect(await db.get(key)).to.equal(expected);
    expect(await db.scan({ prefix: key, limit: 1 }).toArray()).to.deep.equal([[key, expected]]);
    await Promise.all(others);
    await db.close();
  });

  it("lets no flush and no compaction say that it is done", async () => {
    const { disk, db } = await twoShards(9);
    disk.setFreeBytes(0);
    for (const call of [() => db.flush(), () => db.compact(), () => db.flush()]) {
      const error = await failureOf(call());
      expect(error.code).to.equal("FASTKV_NO_SPACE");
      expect(error.writeOutcome).to.equal("none");
    }
    expect((await db.stats()).total_sstables).to.equal(0);
    disk.setFreeBytes(undefined);
    while ((await outcomeOf(db.flush())) !== "served") {
      await turn();
    }
    expect((await db.stats()).total_sstables).to.equal(2);
    await db.close();
  });

  it("keeps a shard waiting that dies meanwhile, refuses its calls, and has it back when there is room", async () => {
    const { disk, launcher, db, keys } = await twoShards(8);

    disk.setFreeBytes(0);
    launcher.kill(0);
    // The shard has to write its WAL anew before it serves. Calls wait for its first start, later ones are refused.
    const waiting: Promise<unknown>[] = [];
    const outcomes = new Set<string>();
    while (!outcomes.has("FASTKV_NO_SPACE")) {
      for (const key of keys) {
        const call = db.get(key);
        waiting.push(call.catch(() => key));
        outcomes.add(await Promise.race([outcomeOf(call), turn()]));
      }
    }
    // The other shard serves.
    const other = keys.find((key) => shardOf(key) === 1)!;
    expect(await outcomeOf(db.get(other))).to.equal("served");
    const refused = await failureOf(db.batchPut(keys.map((key) => [key, "not taken"])));
    expect(refused.code).to.equal("FASTKV_NO_SPACE");
    expect(refused.writeOutcome).to.equal("not-applied");

    disk.setFreeBytes(undefined);
    while ((await outcomeOf(db.getMany(keys))) !== "served") {
      await turn();
    }
    await Promise.all(waiting);
    expect(await db.getMany(keys)).to.deep.equal(keys);
    await db.put("after", 2, { durability: "sync" });
    await db.close();
  });

  it("acknowledges nothing that came again after a restart before the log has room for it", async () => {
    const { disk, launcher, db, keys } = await twoShards(11);
    launcher.kill(0);
    await turns(2);
    // These wait in the program for the shard's restart, whose recovery still has room; they themselves have none.
    const outcomes = new Map<string, string>();
    const writes = keys.map(async (key) => {
      outcomes.set(key, await outcomeOf(db.put(key, "new")));
    });
    launcher.onSend = (frame) => frame.includes("resume") && disk.setFreeBytes(0);
    const refused = await failureOf(db.close());
    expect(refused.code).to.equal("FASTKV_NO_SPACE");
    expect(refused.writeOutcome).to.equal("in-doubt");
    await Promise.all(writes);
    expect([...outcomes.values()]).to.include("FASTKV_NO_SPACE");

    disk.setFreeBytes(undefined);
    const { db: again } = await openSimulated(disk, new SteppedClock(), { shards: 2 }, inProcess(disk));
    for (const [key, outcome] of outcomes) {
      expect(await again.get(key), `${key}: ${outcome}`).to.be.oneOf(
        outcome === "served" ? ["new"] : ["new", key],
      );
    }
    await again.close();
  });

  it("does not keep a program from closing when a shard has just died", async () => {
    const { disk, launcher, db } = await twoShards(8);
    disk.setFreeBytes(0);
    launcher.kill(0);
    await turns(2);
    const count = outcomeOf(db.count());
    // What the shard lacks is in the batch log.
    await db.close();
    expect(await count).to.equal("FASTKV_NO_SPACE");
  });
});

describe("a database that closes while a shard without room comes back", () => {
  for (const besides of ["nothing", "a clear"] as const) {
    it(`loses nothing of a batch that it has acknowledged, with ${besides} under way`, async () => {
      const disk = new SimulatedFileSystem({ random: new Random(9), maxAsyncTurns: 1, folders: ["/data"] });
      const launcher = inProcess(disk);
      const options = { shards: 2, syncInterval: 60_000 };
      const { db } = await openSimulated(disk, new SteppedClock(), options, launcher);
      const keys = ["a", "b", "c", "d", "e", "f"];
      expect(new Set(keys.map(shardOf)).size).to.equal(2);
      await db.batchPut(keys.map((key) => [key, "old"]));
      await db.batchPut(Array.from({ length: 20 }, (_, n) => [`x${n}`, "old"]));
      await db.flush();
      let free = (): void => undefined;
      const held = new Promise<void>((resolve) => {
        free = resolve;
      });
      launcher.heldBackTill = (shardIndex) => (shardIndex === 1 ? held : undefined);
      const clearing = besides === "nothing" ? undefined : outcomeOf(db.clear({ gte: "x", limit: 15 }));
      await turns(20);

      // The shard finds no room for its WAL, and has it when it is launched the second time: the database closes just then.
      disk.failNext({ path: /shard-000/, operation: "create", times: 3 }, "ENOSPC");
      let launches = 0;
      const closing = new Promise<{ outcome: Promise<string> }>((resolve) => {
        launcher.onLaunch = async (shardIndex) => {
          if (shardIndex === 0 && ++launches === 2) {
            resolve({ outcome: outcomeOf(db.close()) });
            disk.clearFaults();
          }
        };
      });
      launcher.kill(0);
      await turns(2);
      expect(await outcomeOf(db.batchPut(keys.map((key) => [key, "new"])))).to.equal("served");
      const { outcome } = await closing;
      await turns(300);
      launcher.heldBackTill = () => undefined;
      free();
      // What the shard lacks is in the batch log.
      expect(await outcome).to.equal("served");
      await clearing;

      const after = restart(disk, new Random(1), "keepAll");
      const { isSound, findings } = await verifyIn(storeFolder, maintenanceOn(after));
      expect(isSound, JSON.stringify(findings)).to.equal(true);
      const { db: again } = await openSimulated(after, new SteppedClock(), { shards: 2 });
      expect(await again.getMany(keys)).to.deep.equal(keys.map(() => "new"));
      await again.close();
    });
  }
});

describe("a shard that dies before it is opened", () => {
  it("fails the opening of the database", async () => {
    const disk = new SimulatedFileSystem({ random: new Random(3), maxAsyncTurns: 2, folders: ["/data"] });
    const launcher = inProcess(disk);
    launcher.onLaunch = async (shardIndex) => {
      if (shardIndex === 1) {
        await turn();
        launcher.kill(0);
        await turns(2);
      }
    };
    const error = await failureOf(openSimulated(disk, new SteppedClock(), { shards: 2 }, launcher));
    expect(error.code).to.equal("FASTKV_SHARD_UNAVAILABLE");
  });
});
