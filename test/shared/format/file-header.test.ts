import { expect } from "chai";
import fc from "fast-check";
import { checksum } from "../../../shared/checksum.js";
import {
  checkFileHeader,
  coordinatorIndex,
  decodeFileHeader,
  encodeFileHeader,
  type FileHeader,
  fileHeaderBytes,
  fileKind,
} from "../../../shared/format/file-header.js";
import { caught } from "../../support/errors.js";

const header: FileHeader = {
  kind: fileKind.wal,
  databaseId: new Uint8Array(Array.from({ length: 16 }, (_, at) => at + 1)),
  shardIndex: 3,
  fileNumber: 2 ** 40 + 7,
  epoch: 9,
};

describe("shared: file headers", () => {
  it("have a frozen form", () => {
    expect(encodeFileHeader(header).toString("hex")).to.match(
      new RegExp(
        [
          "^464153544b560d0a", // magic
          "01000000", // format version
          "03000000", // kind
          "0102030405060708090a0b0c0d0e0f10", // database id
          "03000000", // shard index
          "09000000", // epoch
          "0700000000010000", // file number
          "000000000000000000000000",
          "[0-9a-f]{8}$", // checksum
        ].join(""),
      ),
    );
    expect(fileKind).to.deep.equal({
      identity: 1,
      batchLog: 2,
      wal: 3,
      table: 4,
      manifest: 5,
      current: 6,
      load: 7,
    });
  });

  it("come back as they were written", () => {
    const headers = fc.record({
      kind: fc.constantFrom(...Object.values(fileKind)),
      databaseId: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      shardIndex: fc.constantFrom(0, 1, 255, coordinatorIndex),
      fileNumber: fc.maxSafeNat(),
      epoch: fc.nat(0xffff_ffff),
    });
    fc.assert(
      fc.property(headers, (written) => {
        const bytes = encodeFileHeader(written);
        expect(bytes).to.have.length(fileHeaderBytes);
        expect(checkFileHeader(bytes, "file", written)).to.deep.equal(written);
      }),
    );
  });

  it("tell the manifest that names a WAL segment, where there is one", () => {
    const named = { ...header, manifestNumber: 2 ** 33 + 1 };
    const bytes = encodeFileHeader(named);
    expect(bytes.toString("hex", 48, 60)).to.equal("010000000200000000000000");
    expect(decodeFileHeader(bytes, "file")).to.deep.equal(named);
  });

  it("show each flipped bit", () => {
    const bytes = encodeFileHeader(header);
    for (let bit = 0; bit < fileHeaderBytes * 8; bit += 1) {
      const damaged = Buffer.from(bytes);
      damaged[bit >> 3] = damaged[bit >> 3]! ^ (1 << (bit & 7));
      const error = caught(() => decodeFileHeader(damaged, "/db/file"));
      expect(error.code, `bit ${bit}`).to.equal("FASTKV_CORRUPTION");
      expect(error.message).to.contain("/db/file");
    }
  });

  it("show where they are cut, and need nothing behind them", () => {
    const bytes = encodeFileHeader(header);
    for (let length = 0; length < fileHeaderBytes; length += 1) {
      const error = caught(() => decodeFileHeader(bytes.subarray(0, length), "/db/file"));
      expect(error.code, `${length} bytes`).to.equal("FASTKV_CORRUPTION");
    }
    expect(decodeFileHeader(Buffer.concat([bytes, Buffer.alloc(9)]), "/db/file")).to.deep.equal(header);
  });

  it("refuse another file's place", () => {
    const bytes = encodeFileHeader(header);
    const others = [
      { ...header, kind: fileKind.table },
      { ...header, databaseId: new Uint8Array(16) },
      { ...header, shardIndex: coordinatorIndex },
      { ...header, fileNumber: 7 },
    ];
    for (const expected of others) {
      expect(caught(() => checkFileHeader(bytes, "/db/file", expected)).code).to.equal("FASTKV_CORRUPTION");
    }
  });

  it("refuse a version that this program does not know, and say so", () => {
    const bytes = encodeFileHeader(header);
    bytes.writeUInt32LE(2, 8);
    bytes.writeUInt32LE(checksum(bytes.subarray(0, 60)), 60);
    const error = caught(() => decodeFileHeader(bytes, "/db/file"));
    expect(error.code).to.equal("FASTKV_UNSUPPORTED_FORMAT");
    expect(error.message).to.contain("version 2");
  });

  it("keep no reference to the bytes they were read from", () => {
    const bytes = encodeFileHeader(header);
    const decoded = decodeFileHeader(bytes, "file");
    bytes.fill(0);
    expect(decoded).to.deep.equal(header);
  });
});
