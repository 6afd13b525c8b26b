import { expect } from "chai";
import { fileHeaderBytes } from "../../../shared/format/file-header.js";
import { maxFrameBytes } from "../../../shared/limits.js";
import { recordHeaderBytes } from "../../../shared/record-log/record-format.js";
import { RecordLogWriter, readLog } from "../../../shared/record-log/record-log.js";
import { caught, causeCode, rejection } from "../../support/errors.js";
import { itWithRandom, Random } from "../../support/random.js";
import {
  appendTo,
  createLog,
  logHeader,
  logPath,
  readRecords,
  sameRecord,
  sampleRecord,
  type WrittenRecord,
} from "../../support/record-log.js";
import { SimulatedFileSystem } from "../../support/simulated-file-system.js";

function newDisk(random = new Random(1)): SimulatedFileSystem {
  return new SimulatedFileSystem({ random, folders: ["/d"] });
}

/** A log of records with payloads of these sizes; synced before each record whose index is in `syncBefore`. */
function writeLog(
  random: Random,
  payloadSizes: readonly number[],
  syncBefore: readonly number[] = [],
): { disk: SimulatedFileSystem; written: WrittenRecord[]; offsets: number[] } {
  const disk = newDisk(random.fork());
  const log = createLog(disk);
  const written: WrittenRecord[] = [];
  const offsets: number[] = [];
  for (const [index, bytes] of payloadSizes.entries()) {
    if (syncBefore.includes(index)) {
      log.sync();
    }
    const record = sampleRecord(random, index * 10, bytes);
    offsets.push(log.sizeBytes);
    appendTo(log, record);
    written.push(record);
  }
  offsets.push(log.sizeBytes);
  return { disk, written, offsets };
}

/** A disk with the log's bytes changed by hand. */
function withContent(content: Buffer): SimulatedFileSystem {
  const disk = newDisk();
  disk.install(logPath, content);
  return disk;
}

function flipped(content: Buffer, at: number, mask: number): Buffer {
  const copy = Buffer.from(content);
  copy[at] = copy[at]! ^ mask;
  return copy;
}

function expectRecords(found: readonly { offset: number }[], written: WrittenRecord[], count: number): void {
  expect(found.length).to.equal(count);
  for (const [index, record] of found.entries()) {
    expect(
      sameRecord(record as Parameters<typeof sameRecord>[0], written[index]!),
      `record ${index}`,
    ).to.equal(true);
  }
}

describe("shared: record log", () => {
  describe("reading what was written", () => {
    it("has a frozen form", () => {
      const disk = newDisk();
      const log = createLog(disk);
      log.sync();
      log.append(2, 2 ** 33 + 1, 1.5, Buffer.from("hi"));
      const bytes = disk.contentOf(logPath).subarray(fileHeaderBytes);
      expect(bytes.toString("hex")).to.equal(
        [
          ...["464b5652", "02000000", "02", "000000", "03000000", "0100000002000000", "4000000000000000"],
          ...["000000000000f83f", "83b33f7a", "d49c440d", "6869"],
        ].join(""),
      );
    });

    itWithRandom("gives each record back, of any size, in order", async (random) => {
      const disk = newDisk(random.fork());
      const log = createLog(disk);
      const sizes = [0, 1, 47, 48, 4096, 65_536 - 48, 65_536, 512 * 1024 - 48, 512 * 1024 - 47, 1_500_000, 3];
      const written: WrittenRecord[] = [];
      for (const [index, size] of [...sizes, ...sizes].entries()) {
        const record = sampleRecord(random, index, size);
        written.push(record);
        if (index < sizes.length) {
          appendTo(log, record);
        } else {
          await log.appendAsync(record.type, record.firstSequence, record.timeMs, record.payload);
        }
      }
      for (const mayBeTorn of [false, true]) {
        const contents = readRecords(disk, mayBeTorn);
        expectRecords(contents.found, written, written.length);
        expect(contents.records).to.equal(written.length);
        expect(contents.validBytes).to.equal(log.sizeBytes);
        expect(contents.tornBytes).to.equal(0);
        expect(contents.header).to.deep.equal(logHeader);
      }
    });

    it("finds an empty log empty", () => {
      const disk = newDisk();
      const log = createLog(disk);
      expect(log.sizeBytes).to.equal(fileHeaderBytes);
      expect(readRecords(disk, false)).to.deep.include({
        found: [],
        validBytes: fileHeaderBytes,
        tornBytes: 0,
      });
    });

    itWithRandom("stops before the record that the reader declines", (random) => {
      const { disk, offsets } = writeLog(random, [10, 20, 30]);
      const contents = readLog(disk, logPath, {
        expected: logHeader,
        mayBeTorn: false,
        onRecord: (record) => record.firstSequence < 10,
      });
      expect(contents.validBytes).to.equal(offsets[1]);
      expect(contents.records).to.equal(1);
      expect(contents.tornBytes).to.equal(0);
    });

    it("refuses another log's file, and says what is missing", () => {
      const disk = newDisk();
      createLog(disk);
      const options = { mayBeTorn: true, onRecord: () => undefined };
      const other = { ...logHeader, fileNumber: 6 };
      expect(caught(() => readLog(disk, logPath, { ...options, expected: other })).code).to.equal(
        "FASTKV_CORRUPTION",
      );
      const missing = caught(() => readLog(disk, "/d/missing", { ...options, expected: logHeader }));
      expect(causeCode(missing)).to.equal("ENOENT");
    });
  });

  describe("damage", () => {
    itWithRandom("of any byte is seen where no torn tail may be", (random) => {
      const { disk, written } = writeLog(random, [5, 0, 30], [2]);
      const content = disk.contentOf(logPath);
      for (let at = 0; at < content.length; at += 1) {
        const damaged = withContent(flipped(content, at, random.pick([1, 0x80, 0xff])));
        const error = caught(() => readRecords(damaged, false));
        expect(error.code, `byte ${at}`).to.equal("FASTKV_CORRUPTION");
        expect(error.message).to.contain(logPath);
      }
      expectRecords(readRecords(disk, false).found, written, 3);
    });

    itWithRandom("above the synced mark costs the damaged record and those behind it, no other", (random) => {
      const { disk, written, offsets } = writeLog(random, [5, 0, 30, 12]);
      const content = disk.contentOf(logPath);
      for (let at = fileHeaderBytes; at < content.length; at += 1) {
        const damaged = withContent(flipped(content, at, random.pick([1, 0x80, 0xff])));
        const struck = offsets.findIndex((offset) => offset > at) - 1;
        const contents = readRecords(damaged, true);
        expectRecords(contents.found, written, struck);
        expect(contents.validBytes).to.equal(offsets[struck]);
        expect(contents.tornBytes).to.equal(content.length - offsets[struck]!);
      }
    });

    itWithRandom("below a later record's synced mark is corruption, torn tail or not", (random) => {
      const { disk, written, offsets } = writeLog(random, [5, 0, 30, 12, 8], [3]);
      const content = disk.contentOf(logPath);
      for (let at = 0; at < content.length; at += 1) {
        const damaged = withContent(flipped(content, at, random.pick([1, 0x80, 0xff])));
        if (at < offsets[3]!) {
          expect(caught(() => readRecords(damaged, true)).code, `byte ${at}`).to.equal("FASTKV_CORRUPTION");
        } else {
          const struck = offsets.findIndex((offset) => offset > at) - 1;
          expectRecords(readRecords(damaged, true).found, written, struck);
        }
      }
    });

    itWithRandom("below a mark is seen wherever the marked record stands", (random) => {
      // The search behind the damage goes in pieces of 1 MiB: the marked record is put around their borders.
      const megabyte = 1024 * 1024;
      for (const shift of [-49, -48, -47, -46, -4, -3, -2, -1, 0, 1, 2, 47, 48]) {
        for (const pieces of [1, 2]) {
          const gap = pieces * megabyte + 1 + shift - recordHeaderBytes - 5 - recordHeaderBytes;
          const { disk, offsets } = writeLog(random, [5, gap, 3], [2]);
          disk.patch(logPath, offsets[0]! + recordHeaderBytes, Buffer.from("damage"));
          const error = caught(() => readRecords(disk, true));
          expect(error.code, `marked record at ${shift} from a border`).to.equal("FASTKV_CORRUPTION");
          expect(error.message).to.contain(`offset ${offsets[0]}`);
        }
      }
    });

    itWithRandom("at the end costs only what was cut off", (random) => {
      const { disk, written, offsets } = writeLog(random, [5, 0, 30]);
      const content = disk.contentOf(logPath);
      for (let length = 0; length < content.length; length += 1) {
        const cut = withContent(content.subarray(0, length));
        if (length < fileHeaderBytes) {
          expect(caught(() => readRecords(cut, false)).code, `${length} bytes`).to.equal("FASTKV_CORRUPTION");
          continue;
        }
        const whole = offsets.filter((offset) => offset <= length).length - 1;
        const contents = readRecords(cut, true);
        expectRecords(contents.found, written, whole);
        expect(contents.validBytes + contents.tornBytes).to.equal(length);
        if (!offsets.includes(length)) {
          expect(caught(() => readRecords(cut, false)).code, `${length} bytes`).to.equal("FASTKV_CORRUPTION");
        }
      }
    });

    itWithRandom(
      "by zeros or rubbish behind the end costs nothing but is refused in a closed log",
      (random) => {
        const { disk, written } = writeLog(random, [5, 30]);
        for (const tail of [Buffer.alloc(1), Buffer.alloc(5000), random.bytes(47), random.bytes(3000)]) {
          const longer = withContent(Buffer.concat([disk.contentOf(logPath), tail]));
          expect(caught(() => readRecords(longer, false)).code).to.equal("FASTKV_CORRUPTION");
          const contents = readRecords(longer, true);
          expectRecords(contents.found, written, 2);
          expect(contents.tornBytes).to.equal(tail.length);
        }
      },
    );

    itWithRandom("never shows in what is read, however many bytes are changed", (random) => {
      for (let round = 0; round < 500; round += 1) {
        const { disk, written } = writeLog(random, [random.int(20), random.int(200), random.int(20)], [1]);
        const content = disk.contentOf(logPath);
        for (let changes = random.between(1, 4); changes > 0; changes -= 1) {
          const at = random.int(content.length);
          random.bytes(random.between(1, 16)).copy(content, at);
        }
        for (const mayBeTorn of [false, true]) {
          try {
            const { found } = readRecords(withContent(content), mayBeTorn);
            expectRecords(found, written, found.length);
          } catch (error) {
            expect(error).to.have.property("code", "FASTKV_CORRUPTION");
          }
        }
      }
    });

    it("by a torn tail is not mistaken for damage because a value holds the bytes of a log", () => {
      // The value is a log of another database, as one meets when a store is used to back up another.
      const inner = newDisk();
      const otherHeader = { ...logHeader, databaseId: new Uint8Array(16).fill(8) };
      const innerLog = RecordLogWriter.create(inner, logPath, otherHeader);
      innerLog.append(1, 1, 1, Buffer.alloc(300));
      innerLog.sync();
      innerLog.append(1, 2, 1, Buffer.alloc(300));
      const disk = newDisk();
      const log = createLog(disk);
      log.append(1, 1, 1, inner.contentOf(logPath));
      const whole = disk.contentOf(logPath);
      const torn = withContent(whole.subarray(0, whole.length - 10));
      expect(readRecords(torn, true).found).to.deep.equal([]);
    });
  });

  describe("a failing disk", () => {
    itWithRandom("that refuses a write loses that record only, and the log goes on", async (random) => {
      for (const size of [100, 600_000]) {
        for (const nth of [1, 2]) {
          const disk = newDisk(random.fork());
          const log = createLog(disk);
          const [first, refused, last] = [1, 2, 3].map((sequence) => sampleRecord(random, sequence, size));
          appendTo(log, first!);
          const before = log.sizeBytes;
          const fault = disk.failNext({ operation: "write", nth }, "ENOSPC");
          const isSecondOfOne = nth === 2 && size === 100;
          if (!isSecondOfOne) {
            expect(caught(() => appendTo(log, refused!)).code).to.equal("FASTKV_NO_SPACE");
            expect(log.sizeBytes).to.equal(before);
            expect(disk.contentOf(logPath).length).to.equal(before);
          }
          fault.cancel();
          appendTo(log, last!);
          expectRecords(readRecords(disk, false).found, [first!, last!], 2);
          disk.failNext({ operation: "write" }, "ENOSPC");
          const again = log.appendAsync(1, 4, 0, random.bytes(size));
          expect((await rejection(again)).code).to.equal("FASTKV_NO_SPACE");
          expectRecords(readRecords(disk, false).found, [first!, last!], 2);
        }
      }
    });

    itWithRandom("that is full takes records again once there is room", (random) => {
      const disk = newDisk(random.fork());
      const log = createLog(disk);
      disk.setFreeBytes(1000);
      const written: WrittenRecord[] = [];
      for (let sequence = 0; sequence < 40; sequence += 1) {
        const record = sampleRecord(random, sequence, random.int(100));
        try {
          appendTo(log, record);
          written.push(record);
        } catch (error) {
          expect(error).to.have.property("code", "FASTKV_NO_SPACE");
          expect(error).to.have.property("writeOutcome", "not-applied");
        }
        if (sequence === 30) {
          disk.setFreeBytes(undefined);
        }
      }
      expect(written.length).to.be.lessThan(40).and.greaterThan(9);
      expectRecords(readRecords(disk, false).found, written, written.length);
    });

    it("that cannot cut a failed write back ends the log, and says why the write failed", () => {
      const disk = newDisk();
      const log = createLog(disk);
      disk.failNext({ operation: "write", partBytes: 10 }, "ENOSPC");
      disk.failNext({ operation: "truncate" }, "EIO");
      const error = caught(() => log.append(1, 1, 0, Buffer.alloc(100)));
      expect(log.failure).to.not.equal(undefined);
      expect(caught(() => log.append(1, 2, 0, Buffer.alloc(1))).code).to.equal("FASTKV_IO");
      const chain = [error, error.cause, (error.cause as Error).cause].map(String).join(" ");
      expect(chain).to.contain("ENOSPC");
    });

    it("that fails a sync ends the log: no later call succeeds", async () => {
      for (const sync of ["sync", "syncAsync"] as const) {
        const disk = newDisk();
        const log = createLog(disk);
        log.append(1, 1, 0, Buffer.from("x"));
        const { syncedBytes } = log;
        const syncs = disk.count("sync");
        disk.failNext({ operation: "sync" }, "EIO");
        const failure = await rejection((async () => log[sync]())());
        expect(causeCode(failure)).to.equal("EIO");
        expect(log.failure).to.equal(failure);
        expect(log.syncedBytes).to.equal(syncedBytes);
        expect(caught(() => log.append(1, 2, 0, Buffer.from("y")))).to.equal(failure);
        expect(await rejection(log.appendAsync(1, 2, 0, Buffer.from("y")))).to.equal(failure);
        expect(caught(() => log.sync())).to.equal(failure);
        expect(await rejection(log.syncAsync())).to.equal(failure);
        expect(disk.count("sync")).to.equal(syncs + 1);
        await log.close();
      }
    });

    it("that refuses the header leaves no file behind", () => {
      const disk = newDisk();
      disk.failNext({ operation: "write", partBytes: 20 }, "ENOSPC");
      expect(caught(() => createLog(disk)).code).to.equal("FASTKV_NO_SPACE");
      expect(disk.files()).to.deep.equal([]);
    });
  });

  it("refuses to write what it would refuse to read", () => {
    const disk = newDisk();
    const log = createLog(disk);
    const before = log.sizeBytes;
    const tooLarge = Buffer.allocUnsafe(maxFrameBytes + 1);
    expect(() => log.append(1, 1, 0, tooLarge)).to.throw();
    expect(() => log.append(1, 2 ** 53, 0, Buffer.alloc(1))).to.throw();
    expect(log.sizeBytes).to.equal(before);
  });
});
