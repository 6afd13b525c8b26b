/** A bulk load that a disk refuses in one of its calls: it is not there, in no file either, and the next one is. */

import { expect } from "chai";
import { verifyIn } from "../../../coordinator/maintenance/verify.js";
import { performTask } from "../../../shard/maintenance/perform-task.js";
import { FastKVError } from "../../../shared/errors.js";
import { Random } from "../../support/random.js";
import { SimulatedFileSystem } from "../../support/simulated-file-system.js";
import { openSimulated, SteppedClock, storeFolder } from "../../support/simulated-store.js";

type Came = "refused" | "through" | "to its end before the fault";

/** Makes a load on a fresh store; the n-th call to the disk during the load fails. */
async function loadWithFault(nth: number): Promise<Came> {
  const disk = new SimulatedFileSystem({ random: new Random(nth), maxAsyncTurns: 2, folders: ["/data"] });
  const { db } = await openSimulated(disk, new SteppedClock(), { shards: 2 });
  await db.put("before", 1);
  let calls = 0;
  disk.failNext(({ operation, path }) => {
    const isOfLoad = /\.load|\.sst$/.test(path) || operation === "syncFolder";
    calls += isOfLoad && operation !== "remove" ? 1 : 0;
    return isOfLoad && operation !== "remove" && calls === nth;
  }, "EIO");
  const entries = Array.from({ length: 50 }, (_, at): [string, number] => [`load-${at}`, at]);
  const error: unknown = await db.bulkLoad(entries).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  disk.clearFaults();
  if (error !== undefined) {
    expect(error, `call ${nth}`).to.be.instanceOf(FastKVError);
    expect((error as FastKVError).writeOutcome, `call ${nth}`).to.equal("not-applied");
    expect(await db.keys().toArray()).to.deep.equal(["before"]);
    const left = [0, 1].flatMap((shard) => disk.list(`${storeFolder}/shard-00${shard}`));
    expect(left.filter((name) => name.endsWith(".load"))).to.deep.equal([]);
    await db.bulkLoad(entries);
  }
  expect(await db.count()).to.equal(51);
  await db.close();
  return calls < nth ? "to its end before the fault" : error === undefined ? "through" : "refused";
}

describe("a bulk load that the disk refuses", () => {
  it("leaves nothing, says so, and does not keep the next one, whichever call fails", async () => {
    const came: Came[] = [];
    while (came.at(-1) !== "to its end before the fault") {
      came.push(await loadWithFault(came.length + 1));
    }
    const refused = came.filter((how) => how === "refused").length;
    expect(refused, "calls that were made to fail").to.be.above(15);
  });

  it("is no damage where its file cannot be removed, though its tables have long gone", async () => {
    const disk = new SimulatedFileSystem({ random: new Random(1), maxAsyncTurns: 2, folders: ["/data"] });
    const { db } = await openSimulated(disk, new SteppedClock(), { shards: 2 });
    const entries = Array.from({ length: 50 }, (_, at): [string, number] => [`load-${at}`, at]);
    const failures = [0, 1].map(() => disk.failNext({ operation: "remove", path: /\.load$/ }, "EIO"));
    await db.bulkLoad(entries);
    await db.batchPut(entries);
    await db.compact();
    await db.close();
    expect(failures.map((fault) => fault.isSpent)).to.deep.equal([true, true]);
    const report = await verifyIn(storeFolder, {
      fileSystem: disk,
      perform: (tasks) => Promise.all(tasks.map((task) => performTask(disk, task, async () => undefined))),
      onProgress: () => undefined,
    });
    expect(report.findings.map(({ severity }) => severity)).to.deep.equal(["note", "note"]);
    expect(report.isSound).to.equal(true);
    // The first opening finds the commit in the batch log, and keeps the file; the second does not.
    for (let opening = 0; opening < 2; opening++) {
      const { db: again } = await openSimulated(disk, new SteppedClock(), { shards: 2 });
      expect(await again.count()).to.equal(50);
      await again.close();
    }
    const left = [0, 1].flatMap((shard) => disk.list(`${storeFolder}/shard-00${shard}`));
    expect(left.filter((name) => name.endsWith(".load"))).to.deep.equal([]);
  });
});
