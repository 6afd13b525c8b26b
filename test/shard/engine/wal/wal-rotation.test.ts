import { expect } from "chai";
import { walName } from "../../../../shard/engine/files/file-names.js";
import { DurableLog } from "../../../../shard/engine/wal/durable-log.js";
import { Wal } from "../../../../shard/engine/wal/wal.js";
import { findShortSegment } from "../../../../shard/engine/wal/wal-start.js";
import { fileHeaderBytes } from "../../../../shared/format/file-header.js";
import { fileSize } from "../../../../shared/storage/file-system.js";
import { rejection } from "../../../support/errors.js";
import { itWithRandom } from "../../../support/random.js";
import { SimulatedFileSystem } from "../../../support/simulated-file-system.js";

const folder = "/shard";
const shard = { databaseId: new Uint8Array(16).fill(1), shardIndex: 0, epoch: 1 };

/** A log with a first segment and a prepared second one. */
async function openLog(
  disk: SimulatedFileSystem,
  onFatal: (error: unknown) => void = (error) => expect.fail(String(error)),
): Promise<DurableLog> {
  const writer = Wal.createSegment(disk, folder, shard, 1);
  writer.sync();
  const wal = new Wal(disk, folder, shard, { writer, number: 1 }, 0);
  await wal.prepareNext(2, async () => undefined);
  return new DurableLog(wal, 0, {
    timeMs: () => 0,
    mayPay: () => true,
    onSynced: () => undefined,
    onFatal,
  });
}

describe("The rotation of a WAL", () => {
  itWithRandom("syncs also what is owed and written to the old segment meanwhile", async (random) => {
    for (let round = 0; round < 40; round++) {
      const disk = new SimulatedFileSystem({ random, maxAsyncTurns: 4, folders: [folder] });
      const writer = Wal.createSegment(disk, folder, shard, 1);
      writer.sync();
      const wal = new Wal(disk, folder, shard, { writer, number: 1 }, 0);
      await wal.prepareNext(2, async () => undefined);
      wal.append(Buffer.alloc(20_000, 1), 1, 0);
      const rotation = wal.rotate(0);
      for (let turns = random.int(4); turns > 0; turns--) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      wal.append(Buffer.alloc(20_000, 2), 2, 0);
      await rotation;
      const { segmentNumber } = wal;
      expect(segmentNumber).to.equal(2);
      await wal.sync();
      const after = disk.crash(random);
      expect(after.exists(`${folder}/${walName(1)}`)).to.equal(true);
      expect(findShortSegment(after, folder, shard, [1, 2])).to.equal(undefined);
    }
  });

  itWithRandom("leaves nothing on disk in the next segment where it finds no room", async (random) => {
    for (let round = 0; round < 60; round++) {
      const disk = new SimulatedFileSystem({ random, maxAsyncTurns: 4, folders: [folder] });
      const writer = Wal.createSegment(disk, folder, shard, 1);
      writer.sync();
      const wal = new Wal(disk, folder, shard, { writer, number: 1 }, 0);
      await wal.prepareNext(2, async () => undefined);
      disk.failNext({ operation: "write", path: walName(2) }, "ENOSPC");
      await rejection(wal.rotate(0));
      // The old one goes on, and is the last one: its tail may be torn.
      wal.append(Buffer.alloc(20_000, 2), 1, 0);
      const after = disk.crash(random);
      expect(fileSize(after, `${folder}/${walName(2)}`)).to.equal(fileHeaderBytes);
    }
  });

  itWithRandom("ends while the disk is full, however often what is owed is tried", async (random) => {
    const disk = new SimulatedFileSystem({ random, maxAsyncTurns: 4, folders: [folder] });
    const log = await openLog(disk);
    log.append({ section: Buffer.alloc(100, 1), firstSequence: 1, lastSequence: 1 });
    log.appliedSequence = 1;
    await log.syncNow();
    log.appliedSequence = 2;
    log.owe({ section: Buffer.alloc(20_000, 2), firstSequence: 2, lastSequence: 2 });
    disk.setFreeBytes(1000);
    let hasEnded = false;
    const rotation = log
      .rotate(() => expect.fail("the next segment is there"))
      .then(() => {
        hasEnded = true;
      });
    for (let turn = 0; turn < 1000 && !hasEnded; turn++) {
      log.requestSync();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(hasEnded).to.equal(true);
    await rotation;
    expect(log.syncedSequence).to.equal(1);

    disk.setFreeBytes(undefined);
    expect(await log.settleDebts()).to.equal(true);
    await log.syncNow();
    expect(log.syncedSequence).to.equal(2);
    await log.close();
  });

  itWithRandom("is awaited before it is said whether the log owes anything", async (random) => {
    const disk = new SimulatedFileSystem({ random, maxAsyncTurns: 4, folders: [folder] });
    const log = await openLog(disk);
    log.append({ section: Buffer.alloc(100, 1), firstSequence: 1, lastSequence: 1 });
    log.appliedSequence = 2;
    log.owe({ section: Buffer.alloc(100, 2), firstSequence: 2, lastSequence: 2 });
    const rotation = log.rotate(() => expect.fail("there is room"));
    expect(await log.settleDebts()).to.equal(true);
    expect(await rotation).to.equal(true);
    await log.close();
  });

  for (const canCut of [true, false]) {
    itWithRandom(
      `leaves no part of a record in the next segment that nobody knows of, ${canCut ? "cut off" : "left there"}`,
      async (random) => {
        for (let round = 0; round < 20; round++) {
          const disk = new SimulatedFileSystem({ random, maxAsyncTurns: 4, folders: [folder] });
          let isFatal = false;
          const log = await openLog(disk, () => {
            isFatal = true;
          });
          log.append({ section: Buffer.alloc(100, 1), firstSequence: 1, lastSequence: 1 });
          log.appliedSequence = 1;
          const next = `${folder}/${walName(2)}`;
          disk.failNext({ operation: "write", path: next }, "ENOSPC");
          if (!canCut) {
            disk.failNext({ operation: "truncate", path: next, times: 10 }, "EIO");
          }
          const outcome = await log.rotate(() => undefined).catch(() => "fatal");
          // Without a part of the record there was nothing to cut.
          expect(isFatal).to.equal(outcome === "fatal");
          if (!isFatal) {
            await log.settle();
          }
          disk.clearFaults();
          await log.close();
          if (!isFatal) {
            expect(disk.crash(random).contentOf(next)).to.have.length(fileHeaderBytes);
          }
        }
      },
    );
  }
});
