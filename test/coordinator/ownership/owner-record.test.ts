import { expect } from "chai";
import {
  decodeOwnerRecord,
  encodeOwnerRecord,
  type OwnerRecord,
} from "../../../coordinator/ownership/owner-record.js";
import { checksum } from "../../../shared/checksum.js";
import { expectError } from "./expect-error.js";

const path = "/db/OWNER-0000000007";
const someone = { pid: 42, startTime: "12345", bootId: "5f7aae84" };
const record: OwnerRecord = {
  epoch: 7,
  holder: someone,
  runtimeFolder: "/tmp/fastkv-abcdefgh",
  shards: [someone, { ...someone, pid: 43 }],
  timeMs: 1_700_000_000_000.5,
};

function fileOf(json: string): Buffer {
  const line = Buffer.from(`${json}\n`);
  return Buffer.concat([Buffer.from(`${checksum(line).toString(16).padStart(8, "0")} `), line]);
}

function fieldsWith(changes: object): string {
  return JSON.stringify({ format: 1, ...record, ...changes });
}

describe("owner record", () => {
  it("comes back as it was written", () => {
    const released = { ...record, holder: null, runtimeFolder: null, shards: [] };
    const inThread = { ...record, holder: { ...someone, thread: { id: 77, startTime: "12350" } } };
    for (const each of [record, released, inThread]) {
      expect(decodeOwnerRecord(encodeOwnerRecord(each), path, 7)).to.deep.equal(each);
      const padded = encodeOwnerRecord(each, 2000);
      expect(padded.length).to.equal(2000);
      expect(decodeOwnerRecord(padded, path, 7)).to.deep.equal(each);
    }
  });

  it("has its frozen form", () => {
    const bytes = encodeOwnerRecord({
      epoch: 1,
      holder: null,
      runtimeFolder: null,
      shards: [],
      timeMs: 5,
    });
    expect(bytes.toString()).to.equal(
      'fb924e14 {"format":1,"epoch":1,"holder":null,"runtimeFolder":null,"shards":[],"timeMs":5}\n',
    );
  });

  it("notices every changed bit, every cut and every added byte", async () => {
    const bytes = encodeOwnerRecord(record);
    for (let at = 0; at < bytes.length; at += 1) {
      for (let bit = 1; bit < 256; bit *= 2) {
        const changed = Buffer.from(bytes);
        changed[at] = changed[at]! ^ bit;
        await expectError("FASTKV_CORRUPTION", () => decodeOwnerRecord(changed, path, 7));
      }
      await expectError("FASTKV_CORRUPTION", () => decodeOwnerRecord(bytes.subarray(0, at), path, 7));
    }
    for (const added of ["\n", " ", "x", "\0"]) {
      const longer = Buffer.concat([bytes, Buffer.from(added)]);
      await expectError("FASTKV_CORRUPTION", () => decodeOwnerRecord(longer, path, 7));
    }
  });

  it("says what to do about damage", async () => {
    const error = await expectError("FASTKV_CORRUPTION", () => decodeOwnerRecord(Buffer.alloc(0), path, 7));
    expect(error.message).to.include(path).and.to.include("remove this file");
  });

  it("refuses another epoch's record", async () => {
    await expectError("FASTKV_CORRUPTION", () => decodeOwnerRecord(encodeOwnerRecord(record), path, 8));
  });

  it("refuses fields of the wrong type, even where the checksum is right", async () => {
    const wrong = [
      { holder: undefined },
      { holder: 5 },
      { holder: { ...someone, pid: -1 } },
      { holder: { ...someone, pid: 0 } },
      { holder: { ...someone, pid: 1.5 } },
      { holder: { pid: 5, startTime: "1" } },
      { holder: { ...someone, thread: null } },
      { holder: { ...someone, thread: 77 } },
      { holder: { ...someone, thread: { id: 0, startTime: "1" } } },
      { holder: { ...someone, thread: { id: 77 } } },
      { shards: null },
      { shards: [null] },
      { shards: [{ ...someone, bootId: 5 }] },
      { shards: Array.from({ length: 257 }, () => someone) },
      { runtimeFolder: 5 },
      { timeMs: "5" },
      { timeMs: -1 },
      { epoch: "7" },
      { format: 0 },
      { format: "1" },
    ];
    for (const changes of wrong) {
      await expectError("FASTKV_CORRUPTION", () => decodeOwnerRecord(fileOf(fieldsWith(changes)), path, 7));
    }
    for (const json of ["", "null", "5", "[]", "{", fieldsWith({}).slice(0, -1)]) {
      await expectError("FASTKV_CORRUPTION", () => decodeOwnerRecord(fileOf(json), path, 7));
    }
  });

  it("refuses a newer format as such", async () => {
    const newer = fileOf(JSON.stringify({ format: 2, leases: [] }));
    await expectError("FASTKV_UNSUPPORTED_FORMAT", () => decodeOwnerRecord(newer, path, 7));
  });
});
