import { expect } from "chai";
import { BatchLog } from "../../../coordinator/batch-log/batch-log.js";
import { loadBatchLog } from "../../../coordinator/batch-log/load-batch-log.js";
import { OperationSection, operationKind } from "../../../shared/format/operations.js";
import type { FileSystem } from "../../../shared/storage/file-system.js";
import { itWithRandom, Random } from "../../support/random.js";
import { SimulatedFileSystem } from "../../support/simulated-file-system.js";

const databaseId = new Uint8Array(16).fill(3);
const folder = "/data";
/** A log of this size is left for a new one. */
const trimBytes = 64 * 1024;

function batch(sequence: number, valueBytes = 10) {
  const section = new OperationSection(64);
  const value = Buffer.alloc(valueBytes, sequence);
  section.append(
    { kind: operationKind.put, tag: 0, expiresAt: 0, logged: true, key: Buffer.from("k"), value },
    0,
  );
  return { sequence, parts: [0, 1].map((shard) => ({ shard, section: section.bytes() })) };
}

/** A log that must neither fail nor run out of room. */
function logOn(fileSystem: FileSystem, durableSequence: () => number): Promise<BatchLog> {
  const owner = {
    nowMs: () => 1,
    onProgress: () => undefined,
    isDurable: (_: number, sequence: number) => sequence <= durableSequence(),
    onReadOnly: () => expect.fail("the log failed"),
    onNoRoom: () => expect.fail("the log has no room"),
    onRoom: () => undefined,
    setTimer: () => () => undefined,
  };
  return BatchLog.create({ fileSystem, folder, databaseId, epoch: 1 }, 100, owner, 0, []);
}

describe("a batch log whose old files cannot be removed", () => {
  for (const code of ["EIO", "ENOSPC"] as const) {
    it(`goes on in the new one, and removes them when it can (${code})`, async () => {
      const fileSystem = new SimulatedFileSystem({ random: new Random(5), folders: [folder] });
      let durableSequence = 0;
      const log = await logOn(fileSystem, () => durableSequence);
      await log.append(batch(1), true);
      const stuck = fileSystem.failNext({ operation: "remove", path: /batch-log-\d+$/, times: 1000 }, code);
      fileSystem.failNext({ operation: "write" }, "EIO");
      for (const sequence of [2, 3, 4]) {
        await log.append(batch(sequence), true);
      }
      expect(fileSystem.list(folder)).to.deep.equal(["batch-log-000001", "batch-log-000002"]);
      stuck.cancel();
      durableSequence = 2;
      log.prune();
      await log.trim();
      expect(fileSystem.list(folder)).to.deep.equal(["batch-log-000002"]);
      await log.close();
      const loaded = loadBatchLog(fileSystem, folder, databaseId);
      expect(loaded.batches.map(({ sequence }) => sequence)).to.include.members([3, 4]);
      expect(loaded.lastSequence).to.equal(4);
    });
  }
});

describe("a batch log whose old files go", () => {
  itWithRandom("is one that can be opened, whatever of it a power cut undoes", async (random) => {
    for (let round = 0; round < 40; round++) {
      const fileSystem = new SimulatedFileSystem({ random: random.fork(), folders: [folder] });
      let durableSequence = 0;
      const log = await logOn(fileSystem, () => durableSequence);
      for (let sequence = 1; sequence <= 4; sequence++) {
        await log.append(batch(sequence, trimBytes), true);
        await log.trim();
      }
      expect(fileSystem.list(folder)).to.have.length(5);
      durableSequence = 3;
      log.prune();
      await log.trim();
      expect(fileSystem.list(folder)).to.have.length(2);
      const loaded = loadBatchLog(fileSystem.crash(random), folder, databaseId);
      expect(loaded.batches.map(({ sequence }) => sequence)).to.include(4);
      expect(loaded.lastSequence).to.equal(4);
    }
  });
});
