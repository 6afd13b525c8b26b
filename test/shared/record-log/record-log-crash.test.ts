import { expect } from "chai";
import { RecordLogWriter } from "../../../shared/record-log/record-log.js";
import { itWithRandom, type Random } from "../../support/random.js";
import {
  appendTo,
  createLog,
  logHeader,
  readRecords,
  sameRecord,
  sampleRecord,
  type WrittenRecord,
} from "../../support/record-log.js";
import { type CrashMode, SimulatedCrash, SimulatedFileSystem } from "../../support/simulated-file-system.js";

interface History {
  disk: SimulatedFileSystem;
  written: WrittenRecord[];
  /** How many of the records were on disk when a sync returned. */
  synced: number;
}

function newDisk(random: Random): SimulatedFileSystem {
  return new SimulatedFileSystem({
    random: random.fork(),
    folders: ["/d"],
    pageBytes: random.pick([512, 4096]),
    sectorBytes: random.pick([64, 512]),
    maxAsyncTurns: random.pick([0, 1, 3]),
  });
}

/** A log that is durable with its header, and then has a random life, which a planned crash may end. */
async function live(random: Random, disk: SimulatedFileSystem, steps: number): Promise<History> {
  const history: History = { disk, written: [], synced: 0 };
  const log = createLog(disk);
  log.sync();
  disk.syncFolder("/d");
  disk.operationsUntilCrash = random.between(1, steps);
  const background: Promise<unknown>[] = [];
  try {
    for (let step = 0; step < steps; step += 1) {
      await takeStep(random, log, history, background);
    }
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) {
      throw error;
    }
  }
  disk.halt();
  await Promise.all(background);
  return history;
}

async function takeStep(
  random: Random,
  log: RecordLogWriter,
  history: History,
  background: Promise<unknown>[],
): Promise<void> {
  const size = random.chance(0.1) ? random.int(9000) : random.int(120);
  const record = sampleRecord(random, history.written.length, size);
  const count = history.written.length;
  switch (random.int(8)) {
    case 0:
      log.sync();
      history.synced = count;
      break;
    case 1:
      background.push(
        log.syncAsync().then(
          () => {
            history.synced = Math.max(history.synced, count);
          },
          (error) => expect(error).to.be.instanceOf(SimulatedCrash),
        ),
      );
      break;
    case 2:
      await new Promise((resolve) => setImmediate(resolve));
      break;
    case 3:
      history.disk.setFreeBytes(random.int(record.payload.length + 60));
      history.written.push(record);
      try {
        appendTo(log, record);
      } catch (error) {
        if (error instanceof SimulatedCrash) {
          throw error;
        }
        expect(error).to.have.property("code", "FASTKV_NO_SPACE");
        history.written.pop();
      }
      history.disk.setFreeBytes(undefined);
      break;
    default:
      // Counted as written even where the crash strikes within: it may be there, whole.
      history.written.push(record);
      appendTo(log, record);
  }
}

function checkSurvivors(history: History, mode: CrashMode, random: Random): number {
  const after = history.disk.crash(random, mode);
  const { found } = readRecords(after, true);
  const trace = `${mode}, ${history.synced} synced, ${found.length} found\n${after.trace()}`;
  expect(found.length, trace).to.be.at.least(history.synced);
  for (const [index, record] of found.entries()) {
    const written = history.written[index];
    expect(written !== undefined && sameRecord(record, written), trace).to.equal(true);
  }
  return found.length;
}

describe("shared: record log after a crash", () => {
  itWithRandom("has all that was synced, and of the rest a prefix", async (random) => {
    let lost = 0;
    let kept = 0;
    for (let round = 0; round < 700; round += 1) {
      const history = await live(random, newDisk(random), 40);
      for (const mode of ["any", "any", "any", "prefix", "dropAll", "keepAll"] as const) {
        const found = checkSurvivors(history, mode, random);
        lost += history.written.length - found;
        kept += found - history.synced;
      }
    }
    expect(lost).to.be.greaterThan(0);
    expect(kept).to.be.greaterThan(0);
  });

  itWithRandom("has what was synced at each single crash point", async (random) => {
    for (let point = 1; point <= 24; point += 1) {
      const disk = newDisk(random);
      const log = createLog(disk);
      log.sync();
      disk.syncFolder("/d");
      const history: History = { disk, written: [], synced: 0 };
      disk.operationsUntilCrash = point;
      try {
        for (let sequence = 0; sequence < 12; sequence += 1) {
          const record = sampleRecord(random, sequence, 700);
          history.written.push(record);
          appendTo(log, record);
          await log.syncAsync();
          history.synced = history.written.length;
        }
      } catch (error) {
        expect(error).to.be.instanceOf(SimulatedCrash);
      }
      for (let round = 0; round < 5; round += 1) {
        checkSurvivors(history, "any", random);
      }
    }
  });

  itWithRandom("written before its first sync, may be read or is a torn tail from the start", (random) => {
    for (let round = 0; round < 200; round += 1) {
      const disk = newDisk(random);
      const log = RecordLogWriter.create(disk, "/d/log", logHeader);
      appendTo(log, sampleRecord(random, 1, 50));
      disk.syncFolder("/d");
      const after = disk.crash(random);
      expect(readRecords(after, true).records).to.be.oneOf([0, 1]);
    }
  });
});
