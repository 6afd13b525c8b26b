import { expect } from "chai";
import { type CodecName, codecId, isCodecAvailable } from "../../../shard/engine/table/compression.js";
import { salvageTable } from "../../../shard/maintenance/repair/salvage-table.js";
import { MemoryFileSystem } from "../engine/table/memory-file-system.js";
import {
  headerOf,
  inOrder,
  type ModelEntry,
  openTable,
  put,
  readForwards,
  tablePath,
  toModel,
  tombstone,
  writeTable,
} from "../engine/table/support.js";

const availableCodecs = (Object.keys(codecId) as CodecName[]).filter(isCodecAvailable);

const model = inOrder([
  ...Array.from({ length: 150 }, (_, index) =>
    put(`key${1000 + index}`, 40 + index, `value ${index % 7} `.repeat(6), index),
  ),
  put("key1005", 12, "older"),
  tombstone("key1006", 300),
]);

interface Salvage {
  entries: ModelEntry[];
  losses: { offset: number; message: string; keys: { from: string; to: string } | undefined }[];
}

function salvage(fileSystem: MemoryFileSystem): Salvage | undefined {
  const losses: Salvage["losses"] = [];
  const salvaged = salvageTable(fileSystem, tablePath, {
    identity: headerOf(),
    sequenceOverride: undefined,
    keys: { from: "key1000", to: "key1149" },
    onLoss: (offset, message, keys) => losses.push({ offset, message, keys }),
  });
  if (salvaged === undefined) {
    return undefined;
  }
  const entries: ModelEntry[] = [];
  const { cursor } = salvaged;
  for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
    entries.push(toModel(cursor.key, cursor));
  }
  salvaged.close();
  return { entries, losses };
}

function tableWith(codec: CodecName): { fileSystem: MemoryFileSystem; bytes: Buffer; dataEnd: number } {
  const fileSystem = new MemoryFileSystem();
  writeTable(fileSystem, model, { blockBytes: 400, codec });
  const reader = openTable(fileSystem);
  expect(readForwards(reader.cursor())).to.deep.equal(model);
  reader.close();
  const bytes = Buffer.from(fileSystem.contents(tablePath));
  return { fileSystem, bytes, dataEnd: bytes.readUInt32LE(bytes.length - 64) };
}

for (const codec of availableCodecs) {
  describe(`salvage of a table with codec ${codec}`, () => {
    it("gives everything where only what stands behind the data is damaged or cut off", () => {
      const { fileSystem, bytes, dataEnd } = tableWith(codec);
      for (let at = dataEnd; at < bytes.length; at += 7) {
        const damaged = Buffer.from(bytes);
        damaged[at]! ^= 0x21;
        fileSystem.put(tablePath, damaged);
        expect(salvage(fileSystem), `byte ${at}`).to.deep.equal({ entries: model, losses: [] });
        fileSystem.put(tablePath, bytes.subarray(0, at));
        expect(salvage(fileSystem)!.entries, `cut at ${at}`).to.deep.equal(model);
      }
    });

    it("says that entries are lost wherever the data is cut, also right behind a block", () => {
      const { fileSystem, bytes, dataEnd } = tableWith(codec);
      const counts = new Set<number>();
      for (let at = 64; at < Math.min(dataEnd, 1600); at++) {
        fileSystem.put(tablePath, bytes.subarray(0, at));
        const found = salvage(fileSystem);
        if (found !== undefined) {
          counts.add(found.entries.length);
          expect(found.entries).to.deep.equal(model.slice(0, found.entries.length));
          expect(
            found.losses.map(({ keys }) => keys),
            `cut at ${at}`,
          ).to.deep.equal([{ from: "key1000", to: "key1149" }]);
        }
      }
      expect(counts.size).to.be.above(1);
    });

    it("gives everything where only the header is damaged, and nothing of another file", () => {
      const { fileSystem, bytes } = tableWith(codec);
      for (let at = 0; at < 64; at += 3) {
        const damaged = Buffer.from(bytes);
        damaged[at]! ^= 0x21;
        fileSystem.put(tablePath, damaged);
        expect(salvage(fileSystem), `byte ${at}`).to.deep.equal({ entries: model, losses: [] });
      }
      fileSystem.files.delete(tablePath);
      writeTable(fileSystem, model, { codec }, tablePath, 8);
      expect(salvage(fileSystem)).to.equal(undefined);
      expect(fileSystem.openHandles).to.equal(0);
    });

    it("loses a damaged block alone, with or without an index, and says where it was", () => {
      const { fileSystem, bytes, dataEnd } = tableWith(codec);
      for (const hasIndex of [true, false]) {
        for (let at = 64; at < dataEnd; at += 101) {
          const damaged = Buffer.from(hasIndex ? bytes : bytes.subarray(0, bytes.length - 30));
          damaged[at]! ^= 0x42;
          fileSystem.put(tablePath, damaged);
          const { entries, losses } = salvage(fileSystem)!;
          const lost = model.filter(
            (entry) => !entries.some((one) => one.key === entry.key && one.sequence === entry.sequence),
          );
          expect(entries.length + lost.length, "nothing is made up").to.equal(model.length);
          expect(lost.length, `byte ${at}`).to.be.within(1, 50);
          expect(losses).to.have.length(1);
          expect(losses[0]!.offset).to.be.within(at - 500, at);
          const { from, to } = losses[0]!.keys!;
          for (const { key } of lost) {
            expect(from <= key && key <= to, `${key} between ${from} and ${to}`).to.equal(true);
          }
        }
      }
    });
  });
}
