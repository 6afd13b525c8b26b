import { expect } from "chai";
import type { OutputSettings } from "../../../../shard/engine/compaction/table-output.js";
import { tableName } from "../../../../shard/engine/files/file-names.js";
import { type MergeInput, runJob } from "../../../../shard/engine/jobs/job.js";
import { BlockCache } from "../../../../shard/engine/table/block-cache.js";
import { TableReader } from "../../../../shard/engine/table/table-reader.js";
import { MemoryFileSystem } from "../table/memory-file-system.js";
import { headerOf, put, readForwards, writeTable } from "../table/support.js";

const folder = "/shard";
const { databaseId, shardIndex, epoch } = headerOf();
const output: OutputSettings = {
  folder,
  shard: { databaseId, shardIndex, epoch },
  fileNumbers: [900, 901],
  targetTableBytes: Number.POSITIVE_INFINITY,
  writer: {},
  zeroSequence: false,
};
const survival = { holds: [], rangeDeletes: [], timeMs: 0, retainAll: true, deeper: [] };

/** Says how many handles were open at a time. */
class CountedFileSystem extends MemoryFileSystem {
  mostOpen = 0;

  override open(path: string) {
    const handle = super.open(path);
    this.mostOpen = Math.max(this.mostOpen, this.openHandles);
    return handle;
  }
}

function keyOf(at: number): string {
  return String(at).padStart(4, "0");
}

describe("A merge of many tables", () => {
  const levelTables = 200;

  /** A level of tables that do not overlap, and a newer table over all of them. */
  function fill(fileSystem: MemoryFileSystem): MergeInput[] {
    const write = (fileNumber: number, keys: number[], sequence: number): MergeInput => {
      const entries = keys.map((at) => put(keyOf(at), sequence, String(sequence)));
      const path = `${folder}/${tableName(fileNumber)}`;
      return { ...writeTable(fileSystem, entries, {}, path, fileNumber), fileNumber, sequenceOverride: 0 };
    };
    const level = Array.from({ length: levelTables }, (_, at) => write(at + 1, [2 * at, 2 * at + 1], 1));
    const newer = write(
      levelTables + 1,
      Array.from({ length: levelTables }, (_, at) => 2 * at),
      2,
    );
    // In no order of keys.
    return [...level.slice(50), newer, ...level.slice(0, 50)];
  }

  it("has few of them open at a time, gives all entries in order, and closes what it opened", () => {
    const fileSystem = new CountedFileSystem();
    const inputs = fill(fileSystem);
    const { tables, entriesRead } = runJob(fileSystem, { kind: "merge", inputs, survival, output });
    expect(entriesRead).to.equal(3 * levelTables);
    expect(fileSystem.mostOpen).to.be.at.most(4);
    expect(fileSystem.openHandles).to.equal(0);
    const { fileNumber } = tables[0]!;
    const path = `${folder}/${tableName(fileNumber)}`;
    const reader = TableReader.open(fileSystem, path, headerOf(fileNumber), new BlockCache(0), {});
    const found = readForwards(reader.cursor());
    reader.close();
    const expected = Array.from({ length: 2 * levelTables }, (_, at) =>
      at % 2 === 0 ? [put(keyOf(at), 2, "2"), put(keyOf(at), 1, "1")] : [put(keyOf(at), 1, "1")],
    ).flat();
    expect(found).to.deep.equal(expected);
  });

  it("closes what it opened where a table is missing", () => {
    const fileSystem = new CountedFileSystem();
    const inputs = fill(fileSystem);
    fileSystem.files.delete(`${folder}/${tableName(levelTables - 1)}`);
    expect(() => runJob(fileSystem, { kind: "merge", inputs, survival, output })).to.throw();
    expect(fileSystem.openHandles).to.equal(0);
    expect(fileSystem.files.has(`${folder}/${tableName(900)}`)).to.equal(false);
  });
});
