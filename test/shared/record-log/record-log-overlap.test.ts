import { expect } from "chai";
import { caught, causeCode } from "../../support/errors.js";
import { itWithRandom, Random } from "../../support/random.js";
import { createLog, logPath, readRecords } from "../../support/record-log.js";
import { SimulatedFileSystem } from "../../support/simulated-file-system.js";

function newDisk(): SimulatedFileSystem {
  return new SimulatedFileSystem({ random: new Random(1), folders: ["/d"] });
}

describe("shared: a record log whose calls overlap", () => {
  describe("syncing", () => {
    it("is shared by calls made while one is under way", async () => {
      const disk = newDisk();
      const log = createLog(disk);
      const before = disk.count("sync");
      const syncs: Promise<void>[] = [];
      for (let sequence = 0; sequence < 10; sequence += 1) {
        log.append(1, sequence, 0, Buffer.from("x"));
        syncs.push(log.syncAsync());
      }
      await Promise.all(syncs);
      expect(disk.count("sync")).to.equal(before + 2);
      expect(log.syncedBytes).to.equal(log.sizeBytes);
    });

    it("covers what was appended before each call, and says so at no earlier time", async () => {
      const disk = new SimulatedFileSystem({ random: new Random(1), folders: ["/d"], maxAsyncTurns: 4 });
      const log = createLog(disk);
      disk.syncFolder("/d");
      const checks: Promise<void>[] = [];
      for (let sequence = 0; sequence < 30; sequence += 1) {
        log.append(1, sequence, 0, Buffer.from("x"));
        const size = log.sizeBytes;
        checks.push(
          log
            .syncAsync()
            .then(() => expect(log.syncedBytes).to.be.at.least(size))
            .then(() => undefined),
        );
        if (sequence % 3 === 0) {
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      await Promise.all(checks);
      expect(readRecords(disk.crash(new Random(1), "dropAll"), false).records).to.equal(30);
    });

    it("never takes back what it said was synced", async () => {
      const disk = newDisk();
      const log = createLog(disk);
      log.append(1, 1, 0, Buffer.from("x"));
      const running = log.syncAsync();
      log.append(1, 2, 0, Buffer.from("y"));
      log.sync();
      const synced = log.syncedBytes;
      await running;
      expect(log.syncedBytes).to.equal(synced);
    });

    itWithRandom("covers what was cut back while another one was under way", async (random) => {
      for (let round = 0; round < 30; round++) {
        const disk = new SimulatedFileSystem({ random, maxAsyncTurns: 8, folders: ["/d"] });
        const log = createLog(disk);
        log.sync();
        disk.syncFolder("/d");
        log.append(1, 1, 0, Buffer.alloc(50_000, 1));
        const running = log.syncAsync();
        disk.failNext({ operation: "write", partBytes: 9000 }, "ENOSPC");
        expect(causeCode(caught(() => log.append(1, 2, 0, Buffer.alloc(50_000, 2))))).to.equal("ENOSPC");
        expect(log.isSynced).to.equal(false);
        await log.syncAsync();
        expect(log.isSynced).to.equal(true);
        await running;
        expect(disk.crash(random).contentOf(logPath)).to.have.length(log.sizeBytes);
      }
    });

    it("fails for all who share it", async () => {
      const disk = newDisk();
      const log = createLog(disk);
      const before = disk.count("sync");
      disk.failNext({ operation: "sync" }, "EIO");
      const results = await Promise.allSettled([log.syncAsync(), log.syncAsync(), log.syncAsync()]);
      expect(results.map(({ status }) => status)).to.deep.equal(["rejected", "rejected", "rejected"]);
      expect(disk.count("sync")).to.equal(before + 1);
    });

    it("that is under way or waits its turn ends before the log is closed", async () => {
      const disk = newDisk();
      const log = createLog(disk);
      log.append(1, 1, 0, Buffer.from("x"));
      const first = log.syncAsync();
      log.append(1, 2, 0, Buffer.from("y"));
      const second = log.syncAsync();
      const closed = log.close();
      const results = await Promise.allSettled([first, second, closed]);
      expect(results.map(({ status }) => status)).to.deep.equal(["fulfilled", "fulfilled", "fulfilled"]);
    });
  });

  describe("calls that overlap", () => {
    it("never write two records into one place", async () => {
      const disk = newDisk();
      const log = createLog(disk);
      const slow = log.appendAsync(1, 1, 0, Buffer.from("slow"));
      let refused: unknown;
      try {
        log.append(1, 2, 0, Buffer.from("quick"));
      } catch (error) {
        refused = error;
      }
      await slow;
      const found = readRecords(disk, false).found.map(({ payload }) => payload.toString());
      expect(found).to.deep.equal(refused === undefined ? ["slow", "quick"] : ["slow"]);
    });

    it("let an append end before the log is closed", async () => {
      const disk = newDisk();
      const log = createLog(disk);
      const append = log.appendAsync(1, 1, 0, Buffer.from("x"));
      const results = await Promise.allSettled([append, log.close()]);
      expect(results.map(({ status }) => status)).to.deep.equal(["fulfilled", "fulfilled"]);
    });
  });
});
