import fs from "node:fs";
import { expect } from "chai";
import type { FastKV } from "../../../coordinator/fastkv.js";
import { shardFolderName } from "../../../coordinator/ownership/shard-folders.js";
import { eventually, isRunning, type Stores, useStores } from "../../api/support/stores.js";
import { itWithRandom } from "../../support/random.js";
import { killProgramsAfterwards, startProgram } from "./programs.js";

/** Everything that was acknowledged is there, and no batch in part. */
async function expectNothingLost(db: FastKV, acknowledged: readonly string[]): Promise<void> {
  const puts = acknowledged.flatMap((name) => Array.from({ length: 10 }, (_, at) => `put-${name}-${at}`));
  const marks = acknowledged.flatMap((name) => [`mark-a-${name}`, `mark-b-${name}`]);
  const found = await db.getMany([...puts, ...marks]);
  expect(found.filter((value) => value === undefined).length, "acknowledged and lost").to.equal(0);
  const batch = await db.getMany(Array.from({ length: 8 }, (_, at) => `batch-${at}`));
  expect(new Set(batch).size, `half a batch: ${JSON.stringify(batch)}`).to.equal(1);
  const [first, second] = await Promise.all([db.keys("mark-a-").toArray(), db.keys("mark-b-").toArray()]);
  expect(first.map((key) => key.slice(7))).to.deep.equal(second.map((key) => key.slice(7)));
}

async function openQuickly(stores: Stores): Promise<FastKV> {
  const start = performance.now();
  const db = await stores.open();
  expect(performance.now() - start, "the time of the takeover").to.be.below(3000);
  return db;
}

describe("Kills of the program that has a database open", function () {
  this.timeout(60_000);
  const stores = useStores();
  killProgramsAfterwards();

  for (const durability of ["background", "sync"]) {
    it(`lose nothing that was acknowledged (${durability}), and the next one takes over at once`, async () => {
      const program = startProgram("write", stores(), { durability });
      await program.said("ack", 20);
      program.child.kill("SIGKILL");
      await program.ended;
      const db = await openQuickly(stores());
      await expectNothingLost(db, program.acknowledged);
      expect(program.shards.length).to.equal(2);
      expect(program.shards.filter(isRunning)).to.deep.equal([]);
      expect(fs.readdirSync(stores().runtimeFolder).length).to.equal(1);
    });
  }

  it("leave no shard and no socket behind, without another opening", async () => {
    const program = startProgram("idle", stores());
    await program.said("ready");
    program.child.kill("SIGKILL");
    await program.ended;
    await eventually("the shards have left", () => program.shards.every((pid) => !isRunning(pid)));
    await eventually("the socket is gone", () => fs.readdirSync(stores().runtimeFolder).length === 0);
  });

  itWithRandom(
    "lose nothing in rounds at random moments, of the program or of everything",
    async (random) => {
      const acknowledged: string[] = [];
      const rounds = 8;
      for (let round = 0; round < rounds; round++) {
        const program = startProgram("write", stores());
        await program.said("ready");
        await new Promise((resolve) => setTimeout(resolve, random.int(300)));
        const isWhole = random.int(2) === 0;
        for (const pid of isWhole ? [...program.shards, program.child.pid!] : [program.child.pid!]) {
          process.kill(pid, "SIGKILL");
        }
        await program.ended;
        acknowledged.push(...program.acknowledged);
      }
      const db = await openQuickly(stores());
      expect(await db.get("rounds")).to.equal(rounds);
      await expectNothingLost(db, acknowledged);
    },
  );

  it("during a bulk load leave nothing of it", async () => {
    const first = await stores().open();
    await first.put("kept", 1);
    await first.close();
    const program = startProgram("load", stores());
    await program.said("ready");
    await new Promise((resolve) => setTimeout(resolve, 400));
    program.child.kill("SIGKILL");
    await program.ended;
    const db = await openQuickly(stores());
    expect(await db.keys().toArray()).to.deep.equal(["kept", "rounds"]);
    const files = fs
      .readdirSync(stores().folder)
      .filter((name) => name.startsWith("shard-"))
      .flatMap((name) => fs.readdirSync(`${stores().folder}/${name}`));
    const tables = files.filter((name) => !/wal|manifest|MANIFEST|CURRENT/i.test(name));
    expect((await db.stats()).total_sstables, tables.join()).to.equal(tables.length);
  });
});

describe("Ends of the program that has a database open", function () {
  this.timeout(60_000);
  const stores = useStores();
  killProgramsAfterwards();

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`closes everything on ${signal}, then ends by it`, async () => {
      const program = startProgram("idle", stores());
      await program.said("ready");
      program.child.kill(signal);
      expect(await program.ended).to.deep.equal({ code: null, signal });
      expect(program.shards.filter(isRunning)).to.deep.equal([]);
      expect(fs.readdirSync(stores().runtimeFolder)).to.deep.equal([]);
      const db = await stores().open();
      expect((await db.stats()).shards.map((shard) => shard.recovery.wasClean)).to.deep.equal([true, true]);
    });
  }

  it("loses nothing by Ctrl-C in a terminal, which all processes get, while it writes", async () => {
    const program = startProgram("write", stores(), { ownGroup: true });
    await program.said("ack", 10);
    process.kill(-program.child.pid!, "SIGINT");
    // Not with an uncaught FASTKV_CLOSED, although it never looks for the signal.
    expect(await program.ended).to.deep.equal({ code: null, signal: "SIGINT" });
    expect(program.shards.filter(isRunning)).to.deep.equal([]);
    const db = await stores().open();
    expect((await db.stats()).shards.map((shard) => shard.recovery.wasClean)).to.deep.equal([true, true]);
    await expectNothingLost(db, program.acknowledged);
  });

  it("reads by a scan when Ctrl-C comes, and ends by it, without an error", async () => {
    const program = startProgram("scan", stores());
    await program.said("ready");
    program.child.kill("SIGINT");
    expect(await program.ended).to.deep.equal({ code: null, signal: "SIGINT" });
  });

  it("ends at once where it is asked again while a shard hangs; what was acknowledged is there", async () => {
    const program = startProgram("write", stores());
    await program.said("ack", 10);
    process.kill(program.shards[0]!, "SIGSTOP");
    const start = performance.now();
    const asking = setInterval(() => program.child.kill("SIGINT"), 50);
    try {
      expect(await program.ended).to.deep.equal({ code: null, signal: "SIGINT" });
    } finally {
      clearInterval(asking);
    }
    // A signal that comes twice by mistake does not count.
    expect(performance.now() - start).to.be.within(900, 10_000);
    await expectNothingLost(await openQuickly(stores()), program.acknowledged);
    expect(program.shards.filter(isRunning)).to.deep.equal([]);
  });

  it("tells by a warning where a signal closed a database that may have lost writes", async () => {
    const program = startProgram("unsynced", stores());
    await program.said("ready");
    const shardFolder = `${stores().folder}/${shardFolderName(0)}`;
    fs.renameSync(shardFolder, `${shardFolder}-away`);
    process.kill(program.shards[0]!, "SIGKILL");
    await program.said("failed");
    program.child.kill("SIGTERM");
    expect(await program.ended).to.deep.equal({ code: null, signal: "SIGTERM" });
    const warning =
      /\[FASTKV_\w+\] FastKVWarning: SIGTERM closed the database in .*, which failed: the last writes may be lost\. /;
    await eventually("the warning is there", () => warning.test(program.stderr()));
  });

  it("leaves the signal to a program that handles it once, and was there first", async () => {
    const program = startProgram("drain", stores());
    await program.said("ready");
    program.child.kill("SIGTERM");
    await program.said("open");
    expect(await program.ended).to.deep.equal({ code: 0, signal: null });
  });

  it("closes everything also beside listeners that only watch, as the package signal-exit has them", async () => {
    const program = startProgram("watched", stores());
    await program.said("ready");
    program.child.kill("SIGTERM");
    await program.said("exit");
    expect(await program.ended).to.deep.equal({ code: null, signal: "SIGTERM" });
    await expectCleanlyClosed("db");
  });

  it("closes everything also where the program has two copies of this package", async () => {
    const program = startProgram("copies", stores());
    await program.said("ready");
    program.child.kill("SIGINT");
    expect(await program.ended).to.deep.equal({ code: null, signal: "SIGINT" });
    await expectCleanlyClosed("db");
    await expectCleanlyClosed("db-2");
  });

  async function expectCleanlyClosed(name: string): Promise<void> {
    const db = await stores().open({}, name);
    expect((await db.stats()).shards.map((shard) => shard.recovery.wasClean)).to.deep.equal([true, true]);
  }

  it("fails calls behind the signal only where the program outlives it", async () => {
    const program = startProgram("outlive", stores());
    await program.said("FASTKV_CLOSED");
    expect(await program.ended).to.deep.equal({ code: 0, signal: null });
  });

  it("has no handle left after close: the program ends by itself", async () => {
    const program = startProgram("end", stores());
    await program.said("ready");
    const start = performance.now();
    expect(await program.ended).to.deep.equal({ code: 0, signal: null });
    expect(performance.now() - start).to.be.below(2000);
  });

  for (const [what, expected] of [
    ["exit", 3],
    ["throw", 1],
  ] as const) {
    it(`may end without closing (${what}): the shards leave, and the next opening succeeds at once`, async () => {
      const program = startProgram(what, stores());
      await program.said("ready");
      expect((await program.ended).code).to.equal(expected);
      const db = await openQuickly(stores());
      expect(await db.get("ended")).to.equal(1);
      expect(program.shards.filter(isRunning)).to.deep.equal([]);
    });
  }
});
