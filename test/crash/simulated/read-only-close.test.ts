import { expect } from "chai";
import { rejection } from "../../support/errors.js";
import { itWithRandom } from "../../support/random.js";
import { SimulatedFileSystem } from "../../support/simulated-file-system.js";
import { openSimulated, restart, type SimulatedStore, SteppedClock } from "../../support/simulated-store.js";

const keys = Array.from({ length: 16 }, (_, i) => `key-${i}`);
const batch = (value: string): [string, string][] => keys.map((key) => [key, value]);

/** The intervals of syncs are so long that none runs by itself. */
const options = { shards: 2, syncInterval: 60_000 };

describe("a database whose batch log has failed", () => {
  /**
   * Puts and a batch were acknowledged as written; then the log can be neither synced nor replaced. One shard has synced
   * what it took, the other has not.
   */
  async function becomeReadOnly(disk: SimulatedFileSystem): Promise<SimulatedStore["db"]> {
    const { db } = await openSimulated(disk, new SteppedClock(), options);
    await Promise.all(keys.map((key) => db.put(`${key}-alone`, "acknowledged")));
    await db.batchPut(batch("acknowledged"));
    disk.failNext({ operation: "sync", path: /batch-log/, times: 100 }, "EIO");
    const error = await rejection(db.put("in doubt", 1, { durability: "sync" }));
    expect({ code: error.code, outcome: error.writeOutcome }).to.deep.equal({
      code: "FASTKV_READ_ONLY",
      outcome: "in-doubt",
    });
    return db;
  }

  async function valuesAfterPowerCut(disk: SimulatedFileSystem, random: Parameters<typeof restart>[1]) {
    const left = restart(disk, random, "dropAll");
    const { db } = await openSimulated(left, new SteppedClock(), { shards: 2 });
    const batched = new Set(await db.getMany(keys));
    const single = new Set(await db.getMany(keys.map((key) => `${key}-alone`)));
    await db.close();
    return { batched, single };
  }

  itWithRandom("syncs everything when it closes, once the disk takes the log again", async (random) => {
    const disk = new SimulatedFileSystem({ random, maxAsyncTurns: 3, folders: ["/data"] });
    const db = await becomeReadOnly(disk);
    disk.clearFaults();
    await db.close();
    const { batched, single } = await valuesAfterPowerCut(disk, random);
    expect(single).to.deep.equal(new Set(["acknowledged"]));
    expect(batched).to.deep.equal(new Set(["acknowledged"]));
  });

  for (const [code, told] of [
    ["EIO", "FASTKV_READ_ONLY"],
    ["ENOSPC", "FASTKV_NO_SPACE"],
  ] as const) {
    itWithRandom(
      `syncs its shards, and says that writes may be lost where ${code} goes on`,
      async (random) => {
        const disk = new SimulatedFileSystem({ random, maxAsyncTurns: 3, folders: ["/data"] });
        const db = await becomeReadOnly(disk);
        disk.clearFaults();
        disk.failNext({ operation: "sync", path: /batch-log/, times: 100 }, code);
        const error = await rejection(db.close());
        expect({ code: error.code, outcome: error.writeOutcome }).to.deep.equal({
          code: told,
          outcome: "in-doubt",
        });
        expect(error.message).to.match(/last writes may be lost/);
        const { batched, single } = await valuesAfterPowerCut(disk, random);
        expect(single).to.deep.equal(new Set(["acknowledged"]));
        expect(batched.size, [...batched].join()).to.equal(1);
      },
    );
  }

  itWithRandom("says so where a shard cannot sync either", async (random) => {
    const disk = new SimulatedFileSystem({ random, maxAsyncTurns: 3, folders: ["/data"] });
    const db = await becomeReadOnly(disk);
    disk.clearFaults();
    disk.failNext({ operation: "sync", path: /shard-.*\.wal/, times: 100 }, "EIO");
    const error = await rejection(db.close());
    // It fails at the closing, or in a sync under way, and is then started anew until it is given up.
    expect(error.code).to.be.oneOf(["FASTKV_IO", "FASTKV_SHARD_UNAVAILABLE"]);
    expect(error.writeOutcome).to.equal("in-doubt");
  });
});
