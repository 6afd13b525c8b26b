import { expect } from "chai";
import { BatchLog } from "../../../coordinator/batch-log/batch-log.js";
import { OperationSection, operationKind } from "../../../shared/format/operations.js";
import type { FileHandle, FileSystem } from "../../../shared/storage/file-system.js";
import { NodeFileSystem } from "../../../shared/storage/node-file-system.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const mib = 1024 * 1024;

/** The real files, with a note of each call that waits for the disk while the program stands still. */
function watchedFiles(waits: string[]): FileSystem {
  const watched = <T extends object>(target: T, names: readonly string[]): T =>
    new Proxy(target, {
      get: (_, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") {
          return value;
        }
        return (...given: unknown[]): unknown => {
          if (names.includes(String(name))) {
            waits.push(String(name));
          }
          const answer: unknown = value.apply(target, given);
          return name === "create" ? watched(answer as FileHandle, ["sync"]) : answer;
        };
      },
    });
  return watched(new NodeFileSystem(), ["syncFolder", "remove"]);
}

function batch(sequence: number, bytes: number) {
  const section = new OperationSection(bytes + 64);
  const value = Buffer.alloc(bytes, sequence);
  section.append(
    { kind: operationKind.put, tag: 0, expiresAt: 0, logged: true, key: Buffer.from("k"), value },
    0,
  );
  return { sequence, parts: [0, 1].map((shard) => ({ shard, section: section.bytes() })) };
}

describe("The batch log of a program", () => {
  const temporaryFolder = useTemporaryFolder();

  it("never has it stand still until a disk is through, while files are begun and removed", async () => {
    const waits: string[] = [];
    const fileSystem = watchedFiles(waits);
    const folder = temporaryFolder();
    const owner = {
      nowMs: () => 1,
      onProgress: () => undefined,
      isDurable: () => true,
      onReadOnly: () => expect.fail("the log failed"),
      onNoRoom: () => expect.fail("the log has no room"),
      onRoom: () => undefined,
      setTimer: () => () => undefined,
    };
    const environment = { fileSystem, folder, databaseId: new Uint8Array(16), epoch: 1 };
    const log = await BatchLog.create(environment, 100, owner, 0, []);
    for (let sequence = 1; sequence <= 25; sequence++) {
      await log.append(batch(sequence, 2 * mib), sequence % 2 === 0);
    }
    await log.trim();
    expect(fileSystem.list(folder), "files that were left for new ones are gone").to.deep.equal([
      "batch-log-000005",
    ]);
    await log.close();
    expect(waits).to.deep.equal([]);
  });
});
