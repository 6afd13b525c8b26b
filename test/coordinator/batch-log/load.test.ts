import { expect } from "chai";
import { loadBatchLog } from "../../../coordinator/batch-log/load-batch-log.js";
import { headerOf, type LoggedBatch, pathOf, recordType } from "../../../coordinator/batch-log/log-format.js";
import { startFile } from "../../../coordinator/batch-log/start-file.js";
import { OperationSection, operationKind } from "../../../shared/format/operations.js";
import { RecordLogWriter } from "../../../shared/record-log/record-log.js";
import { caught } from "../../support/errors.js";
import { Random } from "../../support/random.js";
import { SimulatedFileSystem } from "../../support/simulated-file-system.js";

const folder = "/d";
const databaseId = new Uint8Array(16).fill(3);

function newDisk(): SimulatedFileSystem {
  return new SimulatedFileSystem({ random: new Random(1), folders: [folder] });
}

function batches(...sequences: number[]): LoggedBatch[] {
  return sequences.map((sequence) => ({ sequence, parts: [] }));
}

async function addFile(
  disk: SimulatedFileSystem,
  fileNumber: number,
  earlierSequence: number,
  logged: LoggedBatch[],
): Promise<void> {
  const environment = { fileSystem: disk, folder, databaseId, epoch: 1 };
  const start = { type: recordType.start, earlierSequence, batches: logged };
  await (await startFile(environment, fileNumber, start, 1)).close();
}

describe("the batch log, when it is loaded", () => {
  it("gives the batches of all its files, in order", async () => {
    const disk = newDisk();
    await addFile(disk, 1, 3, batches(5, 8));
    await addFile(disk, 2, 8, batches(9));
    const loaded = loadBatchLog(disk, folder, databaseId);
    expect(loaded.batches.map(({ sequence }) => sequence)).to.deep.equal([5, 8, 9]);
    expect(loaded).to.include({ cutSequence: 3, lastSequence: 9 });
  });

  it("gives hundreds of thousands of batches, of one record and of several files", async () => {
    const disk = newDisk();
    const count = 300_000;
    const numbers = Array.from({ length: count }, (_, at) => at + 1);
    await addFile(disk, 1, 0, batches(...numbers.slice(0, 1000)));
    await addFile(
      disk,
      2,
      1000,
      numbers.slice(1000).map((sequence) => ({ sequence, parts: [] })),
    );
    const loaded = loadBatchLog(disk, folder, databaseId);
    expect(loaded.batches.length).to.equal(count);
    expect(loaded.batches.every(({ sequence }, at) => sequence === at + 1)).to.equal(true);
  });

  it("is damaged where a file that has a later one behind it ends too early", async () => {
    const disk = newDisk();
    await addFile(disk, 1, 3, batches(5));
    await addFile(disk, 2, 8, batches(9));
    const error = caught(() => loadBatchLog(disk, folder, databaseId));
    expect(error.code).to.equal("FASTKV_CORRUPTION");
    expect(error.message)
      .to.contain(`${pathOf(folder, 1)} at offset `)
      .and.to.contain("batches up to 8");
  });

  it("is damaged where batches stand out of order", async () => {
    const disk = newDisk();
    await addFile(disk, 1, 3, batches(8, 5));
    const error = caught(() => loadBatchLog(disk, folder, databaseId));
    expect(error.code).to.equal("FASTKV_CORRUPTION");
    expect(error.message).to.contain("batch 5 stands behind 8");
  });

  it("is damaged where a part of a batch is no operations of a batch, however right its checksum is", async () => {
    const operation = { tag: 0, expiresAt: 0, key: Buffer.from("k"), value: Buffer.from("v") };
    const sectionOf = (logged: boolean, delta: number): Buffer => {
      const section = new OperationSection(64);
      section.append({ ...operation, kind: operationKind.put, logged }, delta);
      return section.bytes();
    };
    const parts: [string, Buffer][] = [
      ["Malformed operation at offset 0", sectionOf(true, 0).subarray(0, -1)],
      ["Malformed operation at offset 0", Buffer.alloc(20, 0xff)],
      ["not marked", sectionOf(false, 0)],
      ["not marked", sectionOf(true, 1)],
    ];
    for (const [message, section] of parts) {
      const disk = newDisk();
      await addFile(disk, 1, 3, [{ sequence: 5, parts: [{ shard: 0, section }] }]);
      const error = caught(() => loadBatchLog(disk, folder, databaseId));
      expect(error.damage?.path).to.equal(pathOf(folder, 1));
      expect(error.message).to.contain("batch 5: ").and.to.contain(message);
    }
  });

  it("is damaged where its first record has no sequence number", async () => {
    for (const payload of [Buffer.alloc(0), Buffer.alloc(7), Buffer.alloc(8, 0xff)]) {
      const disk = newDisk();
      const writer = RecordLogWriter.create(disk, pathOf(folder, 1), headerOf(databaseId, 1, 1));
      writer.append(recordType.start, 0, 1, payload);
      await writer.close();
      const error = caught(() => loadBatchLog(disk, folder, databaseId));
      expect(error.code).to.equal("FASTKV_CORRUPTION");
      expect(error.message).to.contain("at offset 64");
    }
  });
});
