import { Wal } from "../../shard/engine/wal/wal.js";
import { OperationSection, operationKind } from "../../shared/format/operations.js";
import type { RecordLogWriter } from "../../shared/record-log/record-log.js";
import { NodeFileSystem } from "../../shared/storage/node-file-system.js";
import { measurePart, type PartCost } from "./measure.js";
import { keyBytesOf, recordCount, valueBytesOf } from "./records.js";

const shard = { databaseId: new Uint8Array(16), shardIndex: 0, epoch: 1 };

function sectionOf(puts: number): Buffer {
  const section = new OperationSection(puts * 256);
  for (let number = 0; number < puts; number++) {
    const put = { kind: operationKind.put, tag: 1, expiresAt: 0, logged: false };
    section.append({ ...put, key: keyBytesOf(number), value: valueBytesOf(number) }, number);
  }
  return section.bytes();
}

/** Appends to a WAL in a real file, one record per frame; without syncs. */
export async function walParts(folder: string): Promise<PartCost[]> {
  const fileSystem = new NodeFileSystem();
  const open: RecordLogWriter[] = [];
  let files = 0;
  const costs = [1, 16, 128].map((perFrame) => {
    const section = sectionOf(perFrame);
    const frames = Math.floor(recordCount / perFrame);
    return measurePart(
      `WAL: append, per put in a frame of ${perFrame}`,
      frames * perFrame,
      () => {
        const writer = Wal.createSegment(fileSystem, folder, shard, ++files);
        open.push(writer);
        return new Wal(fileSystem, folder, shard, { writer, number: files }, 0);
      },
      (wal) => {
        for (let frame = 0; frame < frames; frame++) {
          wal.append(section, frame * perFrame + 1, 1);
        }
        return wal.sizeBytes;
      },
    );
  });
  for (const writer of open) {
    await writer.close();
  }
  return costs;
}
