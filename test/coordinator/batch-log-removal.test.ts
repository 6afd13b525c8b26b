import { expect } from "chai";
import { BatchLog } from "../../coordinator/batch-log/batch-log.js";
import { loadBatchLog } from "../../coordinator/batch-log/load-batch-log.js";
import { OperationSection, operationKind } from "../../shared/format/operations.js";
import { Random } from "../support/random.js";
import { SimulatedFileSystem } from "../support/simulated-file-system.js";

const databaseId = new Uint8Array(16).fill(3);
const folder = "/data";

function batch(sequence: number) {
  const section = new OperationSection(64);
  const value = Buffer.from(`value ${sequence}`);
  section.append(
    { kind: operationKind.put, tag: 0, expiresAt: 0, logged: true, key: Buffer.from("k"), value },
    0,
  );
  return { sequence, parts: [0, 1].map((shard) => ({ shard, section: section.bytes() })) };
}

describe("a batch log whose old files cannot be removed", () => {
  for (const code of ["EIO", "ENOSPC"] as const) {
    it(`goes on in the new one, and removes them when it can (${code})`, async () => {
      const fileSystem = new SimulatedFileSystem({ random: new Random(5), folders: [folder] });
      let durableSequence = 0;
      const owner = {
        nowMs: () => 1,
        onProgress: () => undefined,
        isDurable: (_: number, sequence: number) => sequence <= durableSequence,
        onReadOnly: () => expect.fail("the log failed"),
        onNoRoom: () => expect.fail("the log has no room"),
        onRoom: () => undefined,
        setTimer: () => () => undefined,
      };
      const log = BatchLog.create({ fileSystem, folder, databaseId, epoch: 1 }, 100, owner, 0, []);
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
      expect(fileSystem.list(folder)).to.deep.equal(["batch-log-000002"]);
      await log.close();
      const loaded = loadBatchLog(fileSystem, folder, databaseId);
      expect(loaded.batches.map(({ sequence }) => sequence)).to.include.members([3, 4]);
      expect(loaded.lastSequence).to.equal(4);
    });
  }
});
