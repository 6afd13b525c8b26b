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
});
