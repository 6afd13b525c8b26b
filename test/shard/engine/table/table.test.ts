import { createHash } from "node:crypto";
import { expect } from "chai";
import fc from "fast-check";
import { BlockCache } from "../../../../shard/engine/table/block-cache.js";
import { type CodecName, codecId, isCodecAvailable } from "../../../../shard/engine/table/compression.js";
import { ScratchBuffers } from "../../../../shard/engine/table/scratch-buffers.js";
import type { TableReader } from "../../../../shard/engine/table/table-reader.js";
import { TableWriter } from "../../../../shard/engine/table/table-writer.js";
import { Random } from "../../../support/random.js";
import { MemoryFileSystem } from "./memory-file-system.js";
import {
  addTo,
  at,
  expectError,
  get,
  headerOf,
  inOrder,
  type ModelEntry,
  openTable,
  put,
  readBackwards,
  readForwards,
  tablePath,
  tombstone,
  writeTable,
} from "./support.js";

const availableCodecs = (Object.keys(codecId) as CodecName[]).filter(isCodecAvailable);
const allKeys = "\u00ff".repeat(70);

function tableOf(entries: ModelEntry[], blockBytes = 4096, codec: CodecName = "none"): TableReader {
  const fileSystem = new MemoryFileSystem();
  writeTable(fileSystem, entries, { blockBytes, codec });
  return openTable(fileSystem);
}

function modelGet(entries: ModelEntry[], key: string, maxSequence: number): ModelEntry | undefined {
  return entries.find((entry) => entry.key === key && entry.sequence <= maxSequence);
}

/** Keys from few letters, so that they share prefixes, repeat and have gaps between them. */
const keyArbitrary = fc.oneof(
  fc.string({ unit: fc.constantFrom("a", "b", "\u0000", "\u00ff"), maxLength: 6 }),
  fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
  fc.integer({ min: 0, max: 400 }).map((number) => `user:${String(number).padStart(8, "0")}`),
);

const entryArbitrary: fc.Arbitrary<ModelEntry> = fc
  .record({
    key: keyArbitrary,
    sequence: fc.oneof(fc.integer({ min: 0, max: 8 }), fc.maxSafeNat()),
    isPut: fc.boolean(),
    tag: fc.integer({ min: 0, max: 255 }),
    expiresAt: fc.constantFrom(0, 0, 1, 1_700_000_000_000, 0.5),
    value: fc.string({ unit: fc.constantFrom("x", "y", "\u00fe"), maxLength: 60 }),
  })
  .map(({ key, sequence, isPut, tag, expiresAt, value }) =>
    isPut ? put(key, sequence, value, expiresAt, tag) : tombstone(key, sequence),
  );

const blockBytesArbitrary = fc.constantFrom(1, 64, 200, 1000, 4096);

function checkSeeks(reader: TableReader, model: ModelEntry[], targets: string[]): void {
  const cursor = reader.cursor();
  for (const target of targets) {
    const first = model.findIndex((entry) => entry.key >= target);
    const index = first === -1 ? model.length : first;
    cursor.seek(target);
    expect(at(cursor)).to.deep.equal(model[index]);
    if (index < model.length) {
      cursor.prev();
      expect(at(cursor)).to.deep.equal(model[index - 1]);
      cursor.next();
      expect(at(cursor)).to.deep.equal(index === 0 ? undefined : model[index]);
    }
    cursor.seekBefore(target);
    expect(at(cursor)).to.deep.equal(model[index - 1]);
    if (index > 0) {
      cursor.next();
      expect(at(cursor)).to.deep.equal(model[index]);
    }
  }
}

function checkTable(reader: TableReader, model: ModelEntry[]): void {
  expect(readForwards(reader.cursor())).to.deep.equal(model);
  expect(readBackwards(reader.cursor())).to.deep.equal(model);
  const readAhead = { readAheadBytes: 2000 };
  expect(readForwards(reader.cursor(readAhead))).to.deep.equal(model);
  expect(readBackwards(reader.cursor(readAhead))).to.deep.equal(model);
  const keys = model.map(({ key }) => key);
  const targets = keys.flatMap((key) => [key, `${key}\u0000`, `${key}\u00ff`, key.slice(0, -1)]);
  checkSeeks(reader, model, ["", allKeys, ...targets]);
  for (const entry of model) {
    for (const maxSequence of [entry.sequence, entry.sequence - 1, Number.MAX_SAFE_INTEGER]) {
      const expected = modelGet(model, entry.key, maxSequence);
      expect(get(reader, entry.key, maxSequence)).to.deep.equal(expected);
    }
  }
  for (const key of targets) {
    expect(get(reader, key, Number.MAX_SAFE_INTEGER)?.key).to.equal(keys.includes(key) ? key : undefined);
  }
  reader.verify();
}

describe("table", () => {
  for (const codec of availableCodecs) {
    it(`gives back what was written, in both directions and from every key, with codec ${codec}`, () => {
      fc.assert(
        fc.property(
          fc.array(entryArbitrary, { minLength: 1, maxLength: 120 }),
          blockBytesArbitrary,
          (entries, blockBytes) => {
            const model = inOrder(entries);
            checkTable(tableOf(model, blockBytes, codec), model);
          },
        ),
        { numRuns: codec === "none" ? 120 : 40 },
      );
    });
  }

  it("obeys any sequence of cursor moves", () => {
    const move = fc.oneof(
      fc.constantFrom("next", "next", "prev", "prev", "seekToFirst", "seekToLast"),
      fc.tuple(fc.constantFrom("seek", "seekBefore"), keyArbitrary),
    );
    const property = fc.property(
      fc.array(entryArbitrary, { minLength: 1, maxLength: 150 }),
      blockBytesArbitrary,
      fc.array(move, { maxLength: 60 }),
      fc.boolean(),
      (entries, blockBytes, moves, readsAhead) => {
        const model = inOrder(entries);
        const cursor = tableOf(model, blockBytes).cursor(readsAhead ? { readAheadBytes: 700 } : {});
        let index = -1;
        for (const step of moves) {
          if (step === "next" || step === "prev") {
            cursor[step]();
            index = index < 0 || index >= model.length ? -1 : index + (step === "next" ? 1 : -1);
          } else if (step === "seekToFirst" || step === "seekToLast") {
            cursor[step]();
            index = step === "seekToFirst" ? 0 : model.length - 1;
          } else {
            const [name, target] = step as ["seek" | "seekBefore", string];
            cursor[name](target);
            const first = model.findIndex((entry) => entry.key >= target);
            index = (first === -1 ? model.length : first) - (name === "seek" ? 0 : 1);
          }
          expect(at(cursor)).to.deep.equal(model[index]);
        }
      },
    );
    fc.assert(property, { numRuns: 300 });
  });

  it("finds the right version of a key whose versions fill many blocks", () => {
    const versions = Array.from({ length: 300 }, (_, index) => put("k", 900 - 3 * index, `v${index}`));
    const model = inOrder([
      put("a", 5),
      put("j\u00ff\u00ff", 7),
      ...versions,
      put("k\u0000", 8),
      put("l", 9),
    ]);
    for (const blockBytes of [1, 100, 500]) {
      checkTable(tableOf(model, blockBytes), model);
    }
    const reader = tableOf(model, 100);
    for (let maxSequence = 0; maxSequence <= 903; maxSequence += 1) {
      expect(get(reader, "k", maxSequence)).to.deep.equal(modelGet(model, "k", maxSequence));
    }
  });

  it("takes the empty key and keys of 65,535 bytes", () => {
    const long = "q".repeat(65_534);
    const model = inOrder([
      put("", 1, "empty"),
      put("\u0000", 2),
      put(`${long}a`, 3, "long"),
      put(`${long}a`, 2, "older"),
      put(`${long}b`, 4),
      tombstone("\u00ff".repeat(65_535), 5),
    ]);
    checkTable(tableOf(model, 4096), model);
    checkTable(tableOf(model, 1), model);
  });

  it("takes a value larger than the write buffer", () => {
    const model = [
      put("a", 1, "x".repeat(700_000)),
      put("b", 1, "y".repeat(300)),
      put("c", 1, "z".repeat(300_000)),
    ];
    for (const codec of availableCodecs) {
      checkTable(tableOf(model, 4096, codec), model);
    }
  });

  it("describes itself alike when it is written and when it is opened", () => {
    const fileSystem = new MemoryFileSystem();
    const model = inOrder([
      put("b", 12, "12345", 700),
      put("b", 10, "1", 0.5),
      tombstone("c", 11),
      put("d\u00ff", 3, "22", 0),
    ]);
    const info = writeTable(fileSystem, model);
    expect(info).to.deep.equal({
      fileNumber: 7,
      sizeBytes: fileSystem.contents(tablePath).length,
      smallest: "b",
      largest: "d\u00ff",
      entries: 4,
      puts: 3,
      deletes: 1,
      keys: 3,
      minSequence: 3,
      maxSequence: 12,
      minExpiresAt: 0.5,
      maxExpiresAt: 700,
      rawBytes: 5 + 8,
    });
    expect(openTable(fileSystem).info).to.deep.equal(info);
  });

  it("reports the overriding sequence number of a loaded table, and hides the table from older readers", () => {
    const fileSystem = new MemoryFileSystem();
    writeTable(fileSystem, [put("a", 0, "1"), put("b", 0, "2")]);
    const reader = openTable(fileSystem, { sequenceOverride: 40 });
    expect(get(reader, "a", 39)).to.equal(undefined);
    expect(get(reader, "a", 40)).to.deep.equal(put("a", 40, "1"));
    expect(readForwards(reader.cursor())).to.deep.equal([put("a", 40, "1"), put("b", 40, "2")]);
    expect(readBackwards(reader.cursor())).to.deep.equal([put("a", 40, "1"), put("b", 40, "2")]);
    expect(reader.info.minSequence).to.equal(40);
    expect(reader.info.maxSequence).to.equal(40);
    reader.verify();
  });

  it("refuses to override sequence numbers that a table has", () => {
    const fileSystem = new MemoryFileSystem();
    writeTable(fileSystem, [put("a", 3)]);
    expectError("FASTKV_CORRUPTION", () => openTable(fileSystem, { sequenceOverride: 40 }));
  });

  it("has a frozen format", () => {
    const fileSystem = new MemoryFileSystem();
    const model = [put("aa", 9, "first", 0, 3), put("aa", 300, "second", 1000, 4), tombstone("ab\u00ff", 5)];
    writeTable(
      fileSystem,
      inOrder([...model, ...Array.from({ length: 40 }, (_, n) => put(`b${n}`, n, "v"))]),
      {
        blockBytes: 200,
      },
    );
    const bytes = fileSystem.contents(tablePath);
    const digest = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
    expect([bytes.length, digest]).to.deep.equal([804, "2a05b8027226e7e8"]);
  });

  it("works without a filter", () => {
    const fileSystem = new MemoryFileSystem();
    const model = [put("a", 1), put("c", 2)];
    writeTable(fileSystem, model, { bitsPerKey: 0 });
    const reader = openTable(fileSystem);
    checkTable(reader, model);
    expect(reader.statistics.filterChecks).to.equal(0);
  });

  it("counts what the filter does", () => {
    const reader = tableOf(Array.from({ length: 2000 }, (_, index) => put(`key${10_000 + index}`, 1)));
    for (let index = 0; index < 2000; index += 1) {
      get(reader, `key${10_000 + index}`, 5);
      get(reader, `nokey${index}`, 5);
    }
    const { filterChecks, filterNegatives, filterFalsePositives, blockReads, cacheHits } = reader.statistics;
    expect(filterChecks).to.equal(4000);
    expect(filterNegatives + filterFalsePositives).to.equal(2000);
    expect(filterFalsePositives).to.be.lessThan(60);
    expect(blockReads + cacheHits).to.equal(2000 + filterFalsePositives);
  });

  it("reads adjacent blocks in one call and leaves the cache alone when it is told to", () => {
    const fileSystem = new MemoryFileSystem();
    const model = Array.from({ length: 3000 }, (_, index) => put(`key${10_000 + index}`, 1, "v".repeat(100)));
    writeTable(fileSystem, model);
    const reader = openTable(fileSystem);
    fileSystem.reads = 0;
    expect(readForwards(reader.cursor({ readAheadBytes: 256 * 1024 }))).to.deep.equal(model);
    expect(fileSystem.reads).to.be.lessThan(10);
    expect(reader.statistics.cacheHits).to.equal(0);
    readForwards(reader.cursor({ readAheadBytes: 256 * 1024 }));
    expect(reader.statistics.cacheHits).to.equal(0);
    readForwards(reader.cursor());
    const { blockReads } = reader.statistics;
    expect(readForwards(reader.cursor())).to.deep.equal(model);
    expect(reader.statistics.blockReads).to.equal(blockReads);
  });

  it("keeps a block in a full cache only where it is wanted again, and answers right all the same", () => {
    const fileSystem = new MemoryFileSystem();
    const model = Array.from({ length: 3000 }, (_, index) =>
      put(`key${10_000 + index}`, 1, `${index}`.padEnd(100, "v")),
    );
    writeTable(fileSystem, model);
    // So small that it counts as full from the start.
    const reader = openTable(fileSystem, {}, new BlockCache(128 * 1024));
    const readsOf = (index: number): number => {
      const before = fileSystem.reads;
      expect(get(reader, model[index]!.key, 5)).to.deep.equal(model[index]);
      return fileSystem.reads - before;
    };
    expect([readsOf(100), readsOf(100), readsOf(100), readsOf(100)]).to.deep.equal([1, 1, 0, 0]);
    const random = new Random(5);
    for (let round = 0; round < 5000; round++) {
      readsOf(random.int(3000));
    }
  });

  it("reads what a page wants in one call, and what is little through the cache", () => {
    const fileSystem = new MemoryFileSystem();
    const value = "v".repeat(1000);
    const model = Array.from({ length: 300 }, (_, index) => put(`key${10_000 + index}`, 1, value));
    writeTable(fileSystem, model);
    /** How often the file is read by who takes `entries` from `key10100` on, and by who looks at the first again. */
    const readPage = (entries: number, bytes: number, upper: string | null): [number, number] => {
      const reader = openTable(fileSystem);
      fileSystem.reads = 0;
      const options = { readAheadBytes: 64 * 1024, page: { bytes, upper, buffers: new ScratchBuffers() } };
      const cursor = reader.cursor(options);
      cursor.seek("key10100");
      const found: string[] = [];
      while (found.length < entries) {
        found.push(cursor.key);
        cursor.next();
      }
      expect(found).to.deep.equal(model.slice(100, 100 + entries).map(({ key }) => key));
      const { reads } = fileSystem;
      reader.cursor(options).seek("key10100");
      return [reads, fileSystem.reads - reads];
    };
    expect(readPage(40, 45_000, null), "all at once").to.deep.equal([1, 1]);
    expect(readPage(40, 1e9, "key10141"), "up to the page's end").to.deep.equal([1, 1]);
    expect(readPage(40, 30_000, null), "a little more than was said").to.deep.equal([2, 1]);
    expect(readPage(6, 6000, null), "few blocks").to.deep.equal([2, 0]);
    expect(readPage(6, 1e9, "key10106"), "few blocks before the end").to.deep.equal([2, 0]);
  });

  it("does not read a closed table", () => {
    const reader = tableOf([put("a", 1)]);
    reader.close();
    reader.close();
    expectError("FASTKV_INTERNAL", () => get(reader, "a", 1));
  });
});

describe("table writer", () => {
  it("writes in pieces of about 256 KiB", () => {
    const fileSystem = new MemoryFileSystem();
    const entries = Array.from({ length: 8000 }, (_, index) =>
      put(`key${10_000 + index}`, 1, "v".repeat(120)),
    );
    const { sizeBytes } = writeTable(fileSystem, entries);
    expect(fileSystem.writes.length).to.be.at.most(Math.ceil(sizeBytes / 250_000) + 1);
    expect(fileSystem.openHandles).to.equal(0);
  });

  it("estimates its size", () => {
    const fileSystem = new MemoryFileSystem();
    const writer = new TableWriter(fileSystem, tablePath, headerOf());
    for (let index = 0; index < 5000; index += 1) {
      addTo(writer, put(`key${10_000 + index}`, 1, "v".repeat(50)));
    }
    const { estimatedBytes } = writer;
    expect(estimatedBytes).to.be.closeTo(writer.finish().sizeBytes, 100);
  });

  it("refuses entries that are out of order, and an empty table", () => {
    const bad: ModelEntry[][] = [
      [put("b", 1), put("a", 1)],
      [put("b", 1), put("b", 1)],
      [put("b", 1), put("b", 2)],
      [put("ab", 1), put("a", 1)],
      [],
    ];
    for (const entries of bad) {
      expectError("FASTKV_INTERNAL", () => writeTable(new MemoryFileSystem(), entries));
    }
  });

  it("can be abandoned after the disk refused a write at any point", () => {
    const entries = Array.from({ length: 6000 }, (_, index) =>
      put(`key${10_000 + index}`, 1, "v".repeat(120)),
    );
    for (let failAfterWrites = 0; failAfterWrites < 4; failAfterWrites += 1) {
      const fileSystem = new MemoryFileSystem();
      fileSystem.failAfterWrites = failAfterWrites;
      const writer = new TableWriter(fileSystem, tablePath, headerOf());
      const writeAll = (): void => {
        for (const entry of entries) {
          addTo(writer, entry);
        }
        writer.finish();
      };
      expectError("FASTKV_NO_SPACE", writeAll);
      expectError("FASTKV_INTERNAL", () => writer.finish());
      writer.abandon();
      writer.abandon();
      expect(fileSystem.openHandles).to.equal(0);
      expect(fileSystem.exists(tablePath)).to.equal(false);
    }
  });

  it("leaves a finished table alone when it is abandoned", () => {
    const fileSystem = new MemoryFileSystem();
    const writer = new TableWriter(fileSystem, tablePath, headerOf());
    addTo(writer, put("a", 1));
    writer.finish();
    writer.abandon();
    openTable(fileSystem).verify();
  });
});
