import { expect } from "chai";
import { checksum } from "../../../shared/checksum.js";
import { type FileIdentity, fileHeaderBytes, fileKind } from "../../../shared/format/file-header.js";
import { maxFrameBytes } from "../../../shared/limits.js";
import {
  decodeRecordHeader,
  encodeRecordHeader,
  fileMarkOf,
  isPayloadOf,
  type RecordHeader,
  recordHeaderBytes,
} from "../../../shared/record-log/record-format.js";
import { RecordLogWriter } from "../../../shared/record-log/record-log.js";
import { caught } from "../../support/errors.js";
import { itWithRandom, Random } from "../../support/random.js";
import {
  appendTo,
  createLog,
  logHeader,
  logPath,
  readRecords,
  sampleRecord,
} from "../../support/record-log.js";
import { SimulatedFileSystem } from "../../support/simulated-file-system.js";

const payload = Buffer.from("payload");
const header: RecordHeader = {
  type: 1,
  epoch: 3,
  firstSequence: 10,
  syncedBytes: 64,
  timeMs: 1,
  payloadBytes: payload.length,
};
const fileMark = fileMarkOf(logHeader);
const offset = 1000;

function encoded(change: Partial<RecordHeader> = {}): Buffer {
  const target = Buffer.alloc(recordHeaderBytes, 0xff);
  encodeRecordHeader(target, { ...header, ...change }, payload, fileMark, offset);
  return target;
}

/** A header changed by hand, its checksum mended. */
function forged(change: (bytes: Buffer) => void): Buffer {
  const bytes = encoded();
  change(bytes);
  const place = Buffer.alloc(8);
  place.writeUInt32LE(offset, 0);
  bytes.writeUInt32LE(checksum(bytes.subarray(0, 44), checksum(place, fileMark)), 44);
  return bytes;
}

function newDisk(content?: Buffer): SimulatedFileSystem {
  const disk = new SimulatedFileSystem({ random: new Random(1), folders: ["/d"] });
  if (content !== undefined) {
    disk.install(logPath, content);
  }
  return disk;
}

describe("shared: the place of a record", () => {
  it("is part of its checksums: it is valid there and nowhere else", () => {
    const bytes = encoded();
    expect(decodeRecordHeader(bytes, 0, fileMark, offset)).to.deep.equal(header);
    expect(isPayloadOf(bytes, payload, fileMark, offset)).to.equal(true);
    for (const other of [offset - 1, offset + 1, offset + 4096, offset + 2 ** 32]) {
      expect(decodeRecordHeader(bytes, 0, fileMark, other)).to.equal(undefined);
      expect(isPayloadOf(bytes, payload, fileMark, other)).to.equal(false);
    }
    const otherFiles: FileIdentity[] = [
      { ...logHeader, fileNumber: 6 },
      { ...logHeader, shardIndex: 2 },
      { ...logHeader, kind: fileKind.manifest },
      { ...logHeader, databaseId: new Uint8Array(16).fill(8) },
    ];
    for (const other of otherFiles) {
      expect(decodeRecordHeader(bytes, 0, fileMarkOf(other), offset)).to.equal(undefined);
      expect(isPayloadOf(bytes, payload, fileMarkOf(other), offset)).to.equal(false);
    }
  });

  it("does not depend on the epoch, which a reader may not know", () => {
    expect(fileMarkOf({ ...logHeader, epoch: 4 } as FileIdentity)).to.equal(fileMark);
  });

  it("keeps bytes of this very log in a value from passing for records", () => {
    const disk = newDisk();
    const log = createLog(disk);
    for (let sequence = 0; sequence < 5; sequence += 1) {
      log.append(1, sequence, 0, Buffer.alloc(100));
      log.sync();
    }
    const before = log.sizeBytes;
    const copy = disk.contentOf(logPath);
    log.append(1, 5, 0, Buffer.concat([copy, copy, copy]));
    const whole = disk.contentOf(logPath);
    for (const lost of [1, 10, copy.length, 2 * copy.length]) {
      const contents = readRecords(newDisk(whole.subarray(0, whole.length - lost)), true);
      expect([contents.records, contents.validBytes]).to.deep.equal([5, before]);
      expect(contents.tornBytes).to.equal(whole.length - lost - before);
    }
  });

  it("of a torn value full of the magic is searched to the end", () => {
    const disk = newDisk();
    const log = createLog(disk);
    log.append(1, 1, 0, Buffer.alloc(3 * 1024 * 1024, "FKVR"));
    const whole = disk.contentOf(logPath);
    const contents = readRecords(newDisk(whole.subarray(0, whole.length - 1)), true);
    expect([contents.records, contents.tornBytes]).to.deep.equal([0, whole.length - 1 - fileHeaderBytes]);
  });
});

describe("shared: the limits of a record header", () => {
  const impossible: [string, Partial<RecordHeader>][] = [
    ["a type of more than a byte", { type: 256 }],
    ["a negative type", { type: -1 }],
    ["a payload longer than a frame", { payloadBytes: maxFrameBytes + 1 }],
    ["a sequence number beyond 2^53 - 1", { firstSequence: 2 ** 53 }],
    ["a negative sequence number", { firstSequence: -1 }],
    ["a broken sequence number", { firstSequence: 1.5 }],
    ["no sequence number", { firstSequence: Number.NaN }],
    ["a mark beyond its own place", { syncedBytes: offset + 1 }],
    ["no mark", { syncedBytes: Number.NaN }],
    ["no time", { timeMs: Number.NaN }],
    ["an endless time", { timeMs: Number.POSITIVE_INFINITY }],
  ];
  for (const [what, change] of impossible) {
    it(`refuse to write ${what}`, () => {
      expect(caught(() => encoded(change)).code).to.equal("FASTKV_INTERNAL");
    });
  }

  const forgeries: [string, (bytes: Buffer) => void][] = [
    ["reserved bytes that are not zero", (bytes) => bytes.writeUInt8(1, 9)],
    ["the last reserved byte not zero", (bytes) => bytes.writeUInt8(0x80, 11)],
    ["a payload longer than a frame", (bytes) => bytes.writeUInt32LE(maxFrameBytes + 1, 4)],
    ["a sequence number beyond 2^53 - 1", (bytes) => bytes.writeUInt32LE(0x20_0000, 20)],
    ["a mark beyond 2^53 - 1", (bytes) => bytes.writeUInt32LE(0x20_0000, 28)],
    ["a mark beyond its own place", (bytes) => bytes.writeUInt32LE(offset + 1, 24)],
    ["no time", (bytes) => bytes.writeDoubleLE(Number.NaN, 32)],
  ];
  for (const [what, change] of forgeries) {
    it(`refuse to read ${what}, though the checksum is right`, () => {
      expect(decodeRecordHeader(forged(change), 0, fileMark, offset)).to.equal(undefined);
    });
  }

  it("take the greatest values", () => {
    const greatest = {
      type: 255,
      epoch: 0xffff_ffff,
      firstSequence: Number.MAX_SAFE_INTEGER,
      syncedBytes: offset,
      timeMs: Number.MAX_VALUE,
    };
    const bytes = encoded(greatest);
    expect(decodeRecordHeader(bytes, 0, fileMark, offset)).to.deep.include(greatest);
  });

  it("are checked before anything is written", async () => {
    const disk = newDisk();
    const log = createLog(disk);
    const writes = disk.count("write");
    expect(caught(() => log.append(1, Number.NaN, 0, payload)).code).to.equal("FASTKV_INTERNAL");
    const refused = await log.appendAsync(256, 1, 0, payload).catch((error: unknown) => error);
    expect(refused).to.have.property("code", "FASTKV_INTERNAL");
    expect(disk.count("write")).to.equal(writes);
    expect(disk.count("truncate")).to.equal(0);
    log.append(1, 1, 0, payload);
    expect(readRecords(disk, false).records).to.equal(1);
  });
});

describe("shared: a log whose file header was lost", () => {
  /** A log's bytes; synced after its first record where asked. */
  function written(random: Random, isSynced: boolean): Buffer {
    const disk = newDisk();
    const log = RecordLogWriter.create(disk, logPath, logHeader);
    appendTo(log, sampleRecord(random, 1, 40));
    if (isSynced) {
      log.sync();
    }
    appendTo(log, sampleRecord(random, 2, 40));
    return disk.contentOf(logPath);
  }

  itWithRandom("before its first sync is empty where a tail may be torn", (random) => {
    const content = written(random, false);
    const zeroed = Buffer.concat([Buffer.alloc(fileHeaderBytes), content.subarray(fileHeaderBytes)]);
    const lost = [0, 1, fileHeaderBytes - 1].map((length) => content.subarray(0, length));
    for (const bytes of [...lost, zeroed, Buffer.alloc(fileHeaderBytes), Buffer.alloc(5000)]) {
      expect(readRecords(newDisk(bytes), true)).to.deep.equal({
        header: undefined,
        records: 0,
        validBytes: 0,
        tornBytes: bytes.length,
        found: [],
      });
      expect(caught(() => readRecords(newDisk(bytes), false)).code).to.equal("FASTKV_CORRUPTION");
    }
  });

  itWithRandom("after a sync is damaged: a later record shows it", (random) => {
    const content = written(random, true);
    content.fill(0, 0, fileHeaderBytes);
    const error = caught(() => readRecords(newDisk(content), true));
    expect(error.code).to.equal("FASTKV_CORRUPTION");
    expect(error.message).to.contain("offset 0").and.to.contain("had been synced");
  });

  itWithRandom("to what no crash leaves behind is damaged", (random) => {
    for (const content of [random.bytes(200), Buffer.alloc(200, "not a log")]) {
      expect(caught(() => readRecords(newDisk(content), true)).code).to.equal("FASTKV_CORRUPTION");
    }
  });
});
