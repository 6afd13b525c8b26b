import { expect } from "chai";
import { readLog } from "../../../shared/record-log/record-log.js";
import { type LogGap, scanLog } from "../../../shared/record-log/record-scan.js";
import { outcome } from "../../support/errors.js";
import { Random } from "../../support/random.js";
import { appendTo, createLog, logHeader, logPath, sampleRecord } from "../../support/record-log.js";
import { SimulatedFileSystem } from "../../support/simulated-file-system.js";

interface Scan {
  sequences: number[];
  gaps: LogGap[];
}

function scan(disk: SimulatedFileSystem, goesOn = true): Scan {
  const found: Scan = { sequences: [], gaps: [] };
  scanLog(disk, logPath, {
    expected: logHeader,
    onRecord: (record) => found.sequences.push(record.firstSequence),
    onGap: (gap) => {
      found.gaps.push(gap);
      return goesOn;
    },
  });
  return found;
}

/** Ten records, of which the first six were synced before the last was written. */
async function makeLog(): Promise<{ disk: SimulatedFileSystem; starts: number[]; sizeBytes: number }> {
  const random = new Random(7);
  const disk = new SimulatedFileSystem({ random, folders: ["/d"] });
  const log = createLog(disk);
  const starts: number[] = [];
  for (let sequence = 1; sequence <= 10; sequence++) {
    if (sequence === 7) {
      log.sync();
    }
    starts.push(log.sizeBytes);
    appendTo(log, sampleRecord(random, sequence, 100 + sequence));
  }
  const { sizeBytes } = log;
  await log.close();
  return { disk, starts, sizeBytes };
}

const all = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

describe("shared: the scan of a record log", () => {
  it("finds no gap in a sound log", async () => {
    const { disk } = await makeLog();
    expect(scan(disk)).to.deep.equal({ sequences: all, gaps: [] });
  });

  it("gives the records on both sides of any damaged byte, and agrees with the reader on what it is", async () => {
    const { disk, starts, sizeBytes } = await makeLog();
    const sound = disk.contentOf(logPath);
    for (let at = 64; at < sizeBytes; at++) {
      const record = starts.findLastIndex((start) => start <= at);
      disk.patch(logPath, at, Buffer.from([sound[at]! ^ 0x40]));
      const { sequences, gaps } = scan(disk);
      expect(sequences, `byte ${at}`).to.deep.equal(all.filter((sequence) => sequence !== record + 1));
      expect(gaps).to.have.length(1);
      expect(gaps[0]).to.deep.include({ start: starts[record], end: starts[record + 1] ?? sizeBytes });
      const read = outcome(() =>
        readLog(disk, logPath, { expected: logHeader, mayBeTorn: true, onRecord: () => true }),
      );
      expect("code" in read, `byte ${at}`).to.equal(gaps[0]!.wasSynced);
      disk.patch(logPath, at, Buffer.from([sound[at]!]));
    }
  });

  it("reads the records behind a damaged file header, and stops where it is told to", async () => {
    const { disk } = await makeLog();
    disk.patch(logPath, 20, Buffer.from([0xff]));
    const { sequences, gaps } = scan(disk);
    expect(sequences).to.deep.equal(all);
    expect(gaps.map(({ start, end, wasSynced }) => ({ start, end, wasSynced }))).to.deep.equal([
      { start: 0, end: 64, wasSynced: true },
    ]);
    expect(scan(disk, false).sequences).to.deep.equal([]);
  });

  it("calls a cut end a gap to the end of the file", async () => {
    const { disk, starts, sizeBytes } = await makeLog();
    disk.install(logPath, disk.contentOf(logPath).subarray(0, sizeBytes - 20));
    const { sequences, gaps } = scan(disk);
    expect(sequences).to.deep.equal(all.slice(0, 9));
    expect(gaps).to.have.length(1);
    expect(gaps[0]).to.deep.include({ start: starts[9], end: sizeBytes - 20, wasSynced: false });
  });
});
