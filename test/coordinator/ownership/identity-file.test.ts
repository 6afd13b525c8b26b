import { randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { Packr } from "msgpackr";
import {
  decodeIdentity,
  encodeIdentity,
  type Identity,
  readIdentity,
  writeIdentity,
} from "../../../coordinator/ownership/identity-file.js";
import { checksum } from "../../../shared/checksum.js";
import { encodeFileHeader, fileKind } from "../../../shared/format/file-header.js";
import { NodeFileSystem } from "../../../shared/storage/node-file-system.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";
import { expectError } from "./expect-error.js";

const files = new NodeFileSystem();
const file = "/db/FASTKV";

const identity: Identity = {
  databaseId: new Uint8Array(randomBytes(16)),
  epoch: 3,
  shards: 4,
  hash: "xxh32",
  initialized: true,
  createdAtMs: 1_700_000_000_000,
};

function sealed(bytes: Buffer): Buffer {
  const covered = Buffer.concat([bytes.subarray(0, 60), bytes.subarray(64, -4)]);
  bytes.writeUInt32LE(checksum(covered), bytes.length - 4);
  return bytes;
}

/** A whole file around any payload, with right checksums. */
function fileAround(payload: Buffer, header: Partial<Parameters<typeof encodeFileHeader>[0]> = {}): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(payload.length);
  const headerBytes = encodeFileHeader({
    kind: fileKind.identity,
    databaseId: identity.databaseId,
    shardIndex: 0xffff_ffff,
    fileNumber: 0,
    epoch: 3,
    ...header,
  });
  return sealed(Buffer.concat([headerBytes, length, payload, Buffer.alloc(4)]));
}

function packed(value: unknown): Buffer {
  return new Packr({ useRecords: false }).pack(value);
}

const fields = { shards: 4, hash: "xxh32", initialized: true, createdAtMs: 1_700_000_000_000 };

describe("identity file", () => {
  const temporaryFolder = useTemporaryFolder();

  it("comes back as it was written, and can be replaced", () => {
    const folder = temporaryFolder();
    expect(readIdentity(files, folder)).to.equal(undefined);
    for (const each of [{ ...identity, initialized: false }, identity]) {
      writeIdentity(files, folder, each);
      expect(readIdentity(files, folder)).to.deep.equal(each);
    }
    expect(fs.readdirSync(folder)).to.deep.equal(["FASTKV"]);
    expect(fs.statSync(path.join(folder, "FASTKV")).mode & 0o777).to.equal(0o600);
  });

  it("has its frozen form", () => {
    expect(encodeIdentity(identity)).to.deep.equal(fileAround(packed(fields)));
  });

  it("notices every changed bit, every cut and every added byte", async () => {
    const bytes = encodeIdentity(identity);
    for (let at = 0; at < bytes.length; at += 1) {
      for (let bit = 1; bit < 256; bit *= 2) {
        const changed = Buffer.from(bytes);
        changed[at] = changed[at]! ^ bit;
        await expectError("FASTKV_CORRUPTION", () => decodeIdentity(changed, file));
      }
      await expectError("FASTKV_CORRUPTION", () => decodeIdentity(bytes.subarray(0, at), file));
    }
    const longer = Buffer.concat([bytes, Buffer.alloc(1)]);
    await expectError("FASTKV_CORRUPTION", () => decodeIdentity(longer, file));
  });

  it("notices the header of another database", async () => {
    const other = encodeIdentity({ ...identity, databaseId: new Uint8Array(randomBytes(16)) });
    const mixed = Buffer.concat([other.subarray(0, 64), encodeIdentity(identity).subarray(64)]);
    await expectError("FASTKV_CORRUPTION", () => decodeIdentity(mixed, file));
  });

  it("refuses another kind of file, a shard's file and a numbered one", async () => {
    for (const header of [{ kind: fileKind.wal }, { shardIndex: 0 }, { fileNumber: 1 }]) {
      const bytes = fileAround(packed(fields), header);
      await expectError("FASTKV_CORRUPTION", () => decodeIdentity(bytes, file));
    }
  });

  it("refuses fields that are missing or out of range, even where the checksum is right", async () => {
    const { shards: _, ...withoutShards } = fields;
    const wrong = [
      withoutShards,
      { ...fields, shards: 0 },
      { ...fields, shards: 257 },
      { ...fields, shards: 1.5 },
      { ...fields, shards: "4" },
      { ...fields, hash: 5 },
      { ...fields, initialized: 1 },
      { ...fields, createdAtMs: null },
      { ...fields, createdAtMs: Number.NaN },
      null,
      5,
      [],
    ];
    for (const value of wrong) {
      await expectError("FASTKV_CORRUPTION", () => decodeIdentity(fileAround(packed(value)), file));
    }
    for (const payload of [
      Buffer.alloc(0),
      Buffer.from([0xd9]),
      Buffer.concat([packed(fields), packed(1)]),
    ]) {
      await expectError("FASTKV_CORRUPTION", () => decodeIdentity(fileAround(payload), file));
    }
  });

  it("refuses what a newer version wrote as such", async () => {
    const newer = encodeIdentity(identity);
    newer.writeUInt32LE(2, 8);
    newer.writeUInt32LE(checksum(newer.subarray(0, 60)), 60);
    for (const bytes of [
      sealed(newer),
      fileAround(packed({ ...fields, hash: "xxh64" })),
      fileAround(packed({ ...fields, region: "eu" })),
    ]) {
      await expectError("FASTKV_UNSUPPORTED_FORMAT", () => decodeIdentity(bytes, file));
    }
  });

  it("refuses a huge file, a symbolic link and a folder in its place", async () => {
    const place = path.join(temporaryFolder(), "FASTKV");
    fs.writeFileSync(place, Buffer.concat([encodeIdentity(identity), Buffer.alloc(100_000)]));
    await expectError("FASTKV_CORRUPTION", () => readIdentity(files, temporaryFolder()));
    fs.renameSync(place, `${place}.real`);
    fs.symlinkSync(`${place}.real`, place);
    await expectError("FASTKV_CORRUPTION", () => readIdentity(files, temporaryFolder()));
    fs.unlinkSync(place);
    fs.mkdirSync(place);
    await expectError("FASTKV_CORRUPTION", () => readIdentity(files, temporaryFolder()));
  });
});
