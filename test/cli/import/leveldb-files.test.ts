/** The checks of LevelDB's files, over files that LevelDB wrote. */

import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { ClassicLevel } from "classic-level";
import { crc32c } from "fastkv-plugin-shell/import/leveldb/crc32c";
import { copyLevelDatabase } from "fastkv-plugin-shell/import/leveldb/scratch-copy";
import { decodeSnappy } from "fastkv-plugin-shell/import/leveldb/snappy-decode";
import { makeTemporaryFolder, removeTemporaryFolder } from "../../support/temporary-folder.js";

/** A table ends with 48 bytes: two handles, padding that nobody reads, and 8 bytes that never change. */
const footerBytes = 48;

describe("LevelDB's files, as import checks them", () => {
  let root: string;
  let source: string;
  before(async () => {
    root = makeTemporaryFolder();
    source = join(root, "source");
    // Text that can be compressed, so that blocks and index are; a log over several blocks of 32 KiB.
    const db = new ClassicLevel<string, string>(source);
    const fill = (name: string): Promise<void> =>
      db.batch(
        Array.from({ length: 1_500 }, (_, index) => ({
          type: "put" as const,
          key: `${name}:${"a long key ".repeat(10)}${index}`,
          value: `value ${index} `.repeat(10),
        })),
      );
    await fill("table");
    await db.compactRange("a", "z");
    await fill("log");
    await db.close();
  });
  after(() => removeTemporaryFolder(root));

  async function check(folder: string): Promise<unknown> {
    const scratch = join(root, "scratch");
    mkdirSync(scratch);
    try {
      await copyLevelDatabase(folder, scratch);
      return undefined;
    } catch (error) {
      return error;
    } finally {
      rmSync(scratch, { recursive: true });
    }
  }

  it("are sound as they were written", async () => {
    expect(await check(source)).to.equal(undefined);
  });

  for (const kind of ["ldb", "log", "MANIFEST"]) {
    it(`show each flipped byte of a file of kind ${kind}`, async () => {
      const copy = join(root, `copy-${kind}`);
      cpSync(source, copy, { recursive: true });
      const names = readdirSync(copy).filter((name) => name.includes(kind));
      expect(names).to.have.lengthOf(1);
      const file = join(copy, names[0]!);
      const bytes = readFileSync(file);
      const end = kind === "ldb" ? bytes.length - footerBytes : bytes.length;
      const step = Math.max(1, Math.floor(end / 150));
      for (let position = 0; position < end; position += position < 100 || position > end - 60 ? 1 : step) {
        bytes[position]! ^= 1 << (position % 8);
        writeFileSync(file, bytes);
        expect(String(await check(copy)), `byte ${position} of ${end}`).to.match(/ is damaged: /);
        bytes[position]! ^= 1 << (position % 8);
      }
    });
  }
});

describe("CRC-32C", () => {
  it("gives what RFC 3720 gives for its examples", () => {
    expect(crc32c(new Uint8Array(32))).to.equal(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).to.equal(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index))).to.equal(0x46dd794e);
    expect(crc32c(Buffer.from("123456789"))).to.equal(0xe3069283);
  });
});

describe("a Snappy block", () => {
  /** "abc", seven bytes from three before, "d". */
  const block = Buffer.from([11, 0x08, 0x61, 0x62, 0x63, 0x0d, 0x03, 0x00, 0x64]);

  it("is decoded: literals, and copies that overlap themselves", () => {
    expect(decodeSnappy(block, 100)?.toString()).to.equal("abcabcabcad");
  });

  it("is refused where it is cut off, goes beyond itself or is too long", () => {
    for (let length = 0; length < block.length; length++) {
      expect(decodeSnappy(block.subarray(0, length), 100), String(length)).to.equal(undefined);
    }
    expect(decodeSnappy(block, 10)).to.equal(undefined);
    expect(decodeSnappy(Buffer.from([4, 0x01, 0x01]), 100), "a copy from before the start").to.equal(
      undefined,
    );
    expect(decodeSnappy(Buffer.from([1, 0x04, 0x61, 0x62]), 100), "more than was said").to.equal(undefined);
  });
});
