import fs from "node:fs";
import { expect } from "chai";
import { BatchLog } from "../../../coordinator/batch-log/batch-log.js";
import { loadBatchLog } from "../../../coordinator/batch-log/load-batch-log.js";
import { OperationSection, operationKind } from "../../../shared/format/operations.js";
import { NodeFileSystem } from "../../../shared/storage/node-file-system.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const databaseId = new Uint8Array(16).fill(3);
const mib = 1024 * 1024;

function part(shard: number, value: Buffer) {
  const section = new OperationSection(value.length + 64);
  section.append(
    { kind: operationKind.put, tag: 0, expiresAt: 0, logged: true, key: Buffer.from("k"), value },
    0,
  );
  return { shard, section: section.bytes() };
}

describe("a batch log with a batch that does not become durable", function () {
  this.timeout(60_000);
  const temporaryFolder = useTemporaryFolder();

  it("keeps that one, and neither the others nor all of their files", async () => {
    const folder = temporaryFolder();
    const fileSystem = new NodeFileSystem();
    const owner = {
      nowMs: () => 1,
      onProgress: () => undefined,
      isDurable: (shard: number) => shard !== 0,
      onReadOnly: () => expect.fail("the log failed"),
      onNoRoom: () => expect.fail("the log has no room"),
      onRoom: () => undefined,
      setTimer: () => () => undefined,
    };
    const log = await BatchLog.create({ fileSystem, folder, databaseId, epoch: 1 }, 100, owner, 0, []);
    await log.append(
      { sequence: 1, parts: [part(0, Buffer.from("stuck")), part(1, Buffer.from("stuck"))] },
      true,
    );
    let mostBytes = 0;
    for (let sequence = 2; sequence <= 102; sequence++) {
      await log.append(
        { sequence, parts: [part(1, Buffer.alloc(2 * mib)), part(2, Buffer.alloc(2 * mib))] },
        true,
      );
      log.prune();
      const files = fs.readdirSync(folder).map((name) => fs.statSync(`${folder}/${name}`).size);
      mostBytes = Math.max(
        mostBytes,
        files.reduce((sum, bytes) => sum + bytes, 0),
      );
    }
    expect(log.unsettledBatches).to.equal(1);
    expect(log.loggedSequences()).to.deep.equal([1]);
    expect(mostBytes).to.be.within(64 * mib, 200 * mib);
    await log.close();

    const { batches, cutSequence, lastSequence } = loadBatchLog(fileSystem, folder, databaseId);
    // One without a record counts up to the cut, one behind it has one.
    const behind = Array.from({ length: 102 - cutSequence }, (_, at) => cutSequence + 1 + at);
    expect(behind.length).to.be.within(1, 101);
    expect(batches.map(({ sequence }) => sequence)).to.include.members([1, ...behind]);
    expect(lastSequence).to.equal(102);
    expect(batches[0]!.parts.map(({ section }) => section.includes("stuck"))).to.deep.equal([true, true]);
  });
});
