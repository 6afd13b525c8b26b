/** A disk that runs full under a store, and has room again later. */

import { expect } from "chai";
import type { FastKVError } from "../../../shared/errors.js";
import { InProcessLauncher } from "../../support/in-process-launcher.js";
import { Random } from "../../support/random.js";
import { SimulatedFileSystem } from "../../support/simulated-file-system.js";
import { openSimulated, SteppedClock, tinySettings } from "../../support/simulated-store.js";

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

  it("keeps a shard waiting that dies meanwhile, refuses its calls, and has it back when there is room", async () => {
    const disk = new SimulatedFileSystem({ random: new Random(8), maxAsyncTurns: 2, folders: ["/data"] });
    const launcher = new InProcessLauncher(disk, { settings: tinySettings });
    const { db } = await openSimulated(disk, new SteppedClock(), { shards: 2 }, launcher);
    const keys = Array.from({ length: 20 }, (_, n) => `key-${n}`);
    await db.batchPut(keys.map((key) => [key, key]));

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
    expect(outcomes).to.include("served");
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
});
