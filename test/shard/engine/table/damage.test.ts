import { expect } from "chai";
import fc from "fast-check";
import { BlockCache } from "../../../../shard/engine/table/block-cache.js";
import { blockTrailerBytes, unpackBlock } from "../../../../shard/engine/table/block-format.js";
import { BlockIndex } from "../../../../shard/engine/table/block-index.js";
import { Block, readEntry, searchBlock } from "../../../../shard/engine/table/block-reader.js";
import { BloomFilter } from "../../../../shard/engine/table/bloom-filter.js";
import {
  type CodecName,
  codecId,
  decompress,
  isCodecAvailable,
} from "../../../../shard/engine/table/compression.js";
import { TableCursor } from "../../../../shard/engine/table/table-cursor.js";
import { decodeFooter, decodeProperties } from "../../../../shard/engine/table/table-format.js";
import { TableReader } from "../../../../shard/engine/table/table-reader.js";
import { FastKVError } from "../../../../shared/errors.js";
import { MemoryFileSystem } from "./memory-file-system.js";
import {
  expectError,
  get,
  headerOf,
  inOrder,
  newEntry,
  openTable,
  put,
  readBackwards,
  readForwards,
  tablePath,
  tombstone,
  writeTable,
} from "./support.js";

const damageCodes = ["FASTKV_CORRUPTION", "FASTKV_UNSUPPORTED_FORMAT"];
const availableCodecs = (Object.keys(codecId) as CodecName[]).filter(isCodecAvailable);

const model = inOrder([
  ...Array.from({ length: 24 }, (_, index) =>
    put(`key${100 + index}`, 40 + index, "value ".repeat(4), index),
  ),
  put("key105", 12, "older"),
  tombstone("key106", 13),
]);

function smallTable(codec: CodecName): Buffer {
  const fileSystem = new MemoryFileSystem();
  writeTable(fileSystem, model, { blockBytes: 300, codec });
  return fileSystem.contents(tablePath);
}

/** True where the call threw what damage throws; anything else that is thrown fails the test. */
function isRefused(call: () => void): boolean {
  try {
    call();
    return false;
  } catch (error) {
    const isExpected = error instanceof FastKVError && damageCodes.includes(error.code);
    if (!isExpected) {
      throw error;
    }
    return true;
  }
}

describe("damaged table", () => {
  for (const codec of availableCodecs) {
    it(`never gives a wrong answer, whichever byte is flipped, with codec ${codec}`, () => {
      const sound = smallTable(codec);
      const fileSystem = new MemoryFileSystem();
      for (let offset = 0; offset < sound.length; offset += 1) {
        for (const flip of [1 << (offset % 8), 0xff]) {
          const damaged = Buffer.from(sound);
          damaged[offset]! ^= flip;
          fileSystem.put(tablePath, damaged);
          let reader: TableReader | undefined;
          const refusedAtOpen = isRefused(() => {
            reader = openTable(fileSystem);
          });
          if (refusedAtOpen || reader === undefined) {
            continue;
          }
          const open = reader;
          expect(
            isRefused(() => open.verify()),
            `verify, byte ${offset}`,
          ).to.equal(true);
          isRefused(() => expect(readForwards(open.cursor())).to.deep.equal(model));
          isRefused(() => expect(readBackwards(open.cursor())).to.deep.equal(model));
          for (const entry of model) {
            isRefused(() => expect(get(open, entry.key, entry.sequence)).to.deep.equal(entry));
          }
        }
      }
    });
  }

  it("is refused when it is cut at any length or extended", () => {
    const sound = smallTable("none");
    const fileSystem = new MemoryFileSystem();
    for (let length = 0; length < sound.length; length += 1) {
      fileSystem.put(tablePath, sound.subarray(0, length));
      expectError("FASTKV_CORRUPTION", () => openTable(fileSystem));
    }
    for (const more of [Buffer.alloc(1), Buffer.alloc(64), sound.subarray(-64), sound]) {
      fileSystem.put(tablePath, Buffer.concat([sound, more]));
      expectError("FASTKV_CORRUPTION", () => openTable(fileSystem));
    }
    expect(fileSystem.openHandles).to.equal(0);
  });

  it("is noticed when a sound block stands in another's place, of the same or of another table", () => {
    const equal = Array.from({ length: 40 }, (_, index) => put(`key${100 + index}`, 1, "v".repeat(80)));
    const fileSystem = new MemoryFileSystem();
    writeTable(fileSystem, equal, { blockBytes: 100 });
    const sound = fileSystem.contents(tablePath);
    const footer = sound.subarray(-64);
    const dataBytes = footer.readUInt32LE(0) - 64;
    const stored = dataBytes / equal.length;
    expect(Number.isInteger(stored)).to.equal(true);
    const swapped = Buffer.from(sound);
    sound.copy(swapped, 64 + stored, 64, 64 + stored);
    fileSystem.put(tablePath, swapped);
    expectError("FASTKV_CORRUPTION", () => openTable(fileSystem).verify());
    expectError("FASTKV_CORRUPTION", () => get(openTable(fileSystem), "key101", 5));

    const otherPath = "/database/000008.table";
    writeTable(fileSystem, equal, { blockBytes: 100 }, otherPath, 8);
    const mixed = Buffer.from(sound);
    fileSystem.contents(otherPath).copy(mixed, 64, 64, 64 + stored);
    fileSystem.put(tablePath, mixed);
    expectError("FASTKV_CORRUPTION", () => openTable(fileSystem).verify());
  });

  it("is refused when it is another's table", () => {
    const fileSystem = new MemoryFileSystem();
    writeTable(fileSystem, model);
    const cache = new BlockCache(0);
    for (const wrong of [{ fileNumber: 8 }, { shardIndex: 4 }, { databaseId: new Uint8Array(16) }]) {
      const identity = { ...headerOf(), ...wrong };
      expectError("FASTKV_CORRUPTION", () => TableReader.open(fileSystem, tablePath, identity, cache));
    }
  });

  it("names the path and the offset", () => {
    const damaged = smallTable("none");
    damaged[70]! ^= 1;
    const fileSystem = new MemoryFileSystem();
    fileSystem.put(tablePath, damaged);
    const error = expectError("FASTKV_CORRUPTION", () => openTable(fileSystem).verify());
    expect(error.message).to.contain(`${tablePath} at offset 64`);
  });
});

describe("table decoders on garbage", () => {
  const garbage = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .array(fc.constantFrom(0, 1, 2, 5, 127, 128, 255), { maxLength: 300 })
      .map((list) => Uint8Array.from(list)),
  );

  it("throw nothing but FastKVError", () => {
    const target = Buffer.from("key");
    const property = fc.property(garbage, fc.integer({ min: 0, max: 4000 }), (bytes, number) => {
      const content = Buffer.from(bytes);
      isRefused(() => decodeProperties(content, "p", 0));
      isRefused(() => decodeFooter(content, number, "p", number));
      isRefused(() => unpackBlock(content, { path: "p", fileMark: 1, offset: 0 }, 1000));
      isRefused(() => BloomFilter.decode(content, "p", 0)?.mayContain(target, 0, 3));
      isRefused(() => new BlockIndex(content, "p", 0).find(target, 3));
      for (const codec of availableCodecs) {
        if (codec !== "none") {
          isRefused(() => decompress(codec, content, number));
        }
      }
    });
    fc.assert(property, { numRuns: 2000 });
  });

  it("survive a block of garbage entries in every direction", () => {
    const property = fc.property(garbage, fc.array(fc.nat(290), { maxLength: 3 }), (bytes, offsets) => {
      const restarts = [0, ...offsets];
      const tail = Buffer.alloc(4 * restarts.length + 12);
      restarts.forEach((offset, at) => {
        tail.writeUInt32LE(offset, 4 * at);
      });
      tail.writeUInt32LE(restarts.length, tail.length - 4);
      const content = Buffer.concat([bytes, tail]);
      const target = Buffer.from([1, 2, 5]);
      isRefused(() => {
        const block = new Block(content, "p", 0);
        const found = searchBlock(block, target, 3);
        readEntry(block, Math.max(found, 0), newEntry());
      });
      const index = new BlockIndex(Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), "p", 0);
      const cursor = (): TableCursor =>
        new TableCursor(index, { load: () => new Block(content, "p", 0) }, undefined);
      isRefused(() => readForwards(cursor()));
      isRefused(() => readBackwards(cursor()));
      isRefused(() => cursor().seek("\u0001\u0002"));
      isRefused(() => cursor().seekBefore("\u0005"));
    });
    fc.assert(property, { numRuns: 3000 });
  });

  it("allocate nothing for a claimed length that is beyond the limit", () => {
    for (const codec of availableCodecs) {
      if (codec !== "none") {
        const claim = Buffer.from([0xff, 0xff, 0xff, 0x7f, 0x0f, 0, 0, 0, 0, 0, 0, 0]);
        expectError("FASTKV_CORRUPTION", () => decompress(codec, claim, 1000));
      }
    }
    const empty = Buffer.alloc(blockTrailerBytes);
    expectError("FASTKV_CORRUPTION", () => unpackBlock(empty, { path: "p", fileMark: 1, offset: 64 }, 100));
  });
});
