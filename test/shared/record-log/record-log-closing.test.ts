import { expect } from "chai";
import { caught, rejection } from "../../support/errors.js";
import { Random } from "../../support/random.js";
import { createLog, logPath, readRecords } from "../../support/record-log.js";
import { SimulatedFileSystem } from "../../support/simulated-file-system.js";

const payload = Buffer.from("payload");

function newDisk(maxAsyncTurns = 1): SimulatedFileSystem {
  return new SimulatedFileSystem({ random: new Random(1), folders: ["/d"], maxAsyncTurns });
}

describe("shared: record log, closing and overlapping calls", () => {
  it("refuses every call from close on, and closes once", async () => {
    const disk = newDisk();
    const log = createLog(disk);
    log.append(1, 1, 0, payload);
    const pending = log.syncAsync();
    const closed = log.close();
    for (const stage of ["closing", "closed"]) {
      expect(caught(() => log.append(1, 2, 0, payload)).code, stage).to.equal("FASTKV_CLOSED");
      expect((await rejection(log.appendAsync(1, 2, 0, payload))).code, stage).to.equal("FASTKV_CLOSED");
      expect(caught(() => log.sync()).code, stage).to.equal("FASTKV_CLOSED");
      expect((await rejection(log.syncAsync())).code, stage).to.equal("FASTKV_CLOSED");
      await Promise.all([pending, closed]);
    }
    await log.close();
    expect(disk.count("close")).to.equal(1);
    expect(readRecords(disk, false).records).to.equal(1);
  });

  it("is closed at once where nothing is under way", () => {
    const disk = newDisk();
    const log = createLog(disk);
    void log.close();
    expect(disk.count("close")).to.equal(1);
  });

  it("that is released ends nobody's process where its close fails", async () => {
    const disk = newDisk();
    const log = createLog(disk);
    const strays: unknown[] = [];
    const onStray = (error: unknown): void => void strays.push(error);
    process.on("unhandledRejection", onStray);
    disk.failNext({ operation: "close" }, "EIO");
    log.release();
    expect((await rejection(log.close())).code).to.equal("FASTKV_IO");
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", onStray);
    expect(strays).to.deep.equal([]);
  });

  it("closes after all that is under way or waits its turn, however long it takes", async () => {
    for (const turns of [0, 1, 4]) {
      const disk = newDisk(turns);
      const log = createLog(disk);
      const calls: Promise<void>[] = [];
      for (let sequence = 1; sequence < 6; sequence += 1) {
        log.append(1, sequence, 0, payload);
        calls.push(log.syncAsync());
      }
      calls.push(log.appendAsync(1, 6, 0, payload), log.syncAsync());
      await log.close();
      expect(disk.count("close")).to.equal(1);
      await Promise.all(calls);
      expect(readRecords(disk, false).records).to.equal(6);
    }
  });

  it("closes after an append that fails", async () => {
    const disk = newDisk();
    const log = createLog(disk);
    const before = log.sizeBytes;
    disk.failNext({ operation: "write", partBytes: 10 }, "ENOSPC");
    const append = log.appendAsync(1, 1, 0, payload);
    const closed = log.close();
    expect((await rejection(append)).code).to.equal("FASTKV_NO_SPACE");
    await closed;
    expect(disk.contentOf(logPath).length).to.equal(before);
  });

  it("refuses an append during another as a bug of its caller, and goes on after it", async () => {
    const disk = newDisk();
    const log = createLog(disk);
    const slow = log.appendAsync(1, 1, 0, payload);
    expect(caught(() => log.append(1, 2, 0, payload)).code).to.equal("FASTKV_INTERNAL");
    expect((await rejection(log.appendAsync(1, 2, 0, payload))).code).to.equal("FASTKV_INTERNAL");
    await slow;
    log.append(1, 2, 0, payload);
    expect(readRecords(disk, false).found.map(({ firstSequence }) => firstSequence)).to.deep.equal([1, 2]);
  });

  it("does not call an append done when a sync failed meanwhile", async () => {
    const disk = newDisk();
    const log = createLog(disk);
    const before = log.sizeBytes;
    const append = log.appendAsync(1, 1, 0, payload);
    disk.failNext({ operation: "sync" }, "EIO");
    const failure = caught(() => log.sync());
    expect(await rejection(append)).to.equal(failure);
    expect(log.sizeBytes).to.equal(before);
  });

  it("leaves a write in doubt that it could not take back", () => {
    const disk = newDisk();
    const log = createLog(disk);
    disk.failNext({ operation: "write", partBytes: 10 }, "ENOSPC");
    disk.failNext({ operation: "truncate" }, "EIO");
    const error = caught(() => log.append(1, 1, 0, payload));
    expect([error.code, error.writeOutcome]).to.deep.equal(["FASTKV_IO", "in-doubt"]);
    expect(error.cause).to.have.property("code", "FASTKV_NO_SPACE");
    expect(log.failure).to.equal(error);
  });
});
