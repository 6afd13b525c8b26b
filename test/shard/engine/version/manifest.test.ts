import fs from "node:fs";
import { expect } from "chai";
import type { ShardIdentity } from "../../../../shard/engine/files/shard-identity.js";
import { emptyState, Manifest, readManifest } from "../../../../shard/engine/version/manifest.js";
import { NodeFileSystem } from "../../../../shared/storage/node-file-system.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";
import { table, treeOf } from "./tree-sketch.js";

const shard: ShardIdentity = { databaseId: new Uint8Array(16), shardIndex: 0, epoch: 1 };
const fileNumber = 3;
/** Of bytes that take two each in the manifest. */
const longKey = "\xff".repeat(65_000);

describe("A manifest of tables with very long keys", function () {
  this.timeout(60_000);
  const temporaryFolder = useTemporaryFolder();
  const fileSystem = new NodeFileSystem();

  async function create(tables: number) {
    const level = Array.from({ length: tables }, (_, at) => {
      const number = String(at).padStart(6, "0");
      return table(at + 10, "a-b", { smallest: `${number}a${longKey}`, largest: `${number}b${longKey}` });
    });
    const state = {
      ...emptyState(),
      version: treeOf({ 1: level }),
      logNumber: 1,
      logs: [1],
      nextFileNumber: 9000,
    };
    await Manifest.create(fileSystem, temporaryFolder(), shard, fileNumber, state).close();
    return state;
  }

  it("is read as it was, also where it has more than one record may have", async () => {
    const state = await create(850);
    const path = `${temporaryFolder()}/MANIFEST-000003`;
    expect(fs.statSync(path).size).to.be.above(200 * 1024 * 1024);
    const { state: found, tornBytes } = readManifest(fileSystem, temporaryFolder(), shard, fileNumber);
    expect(tornBytes).to.equal(0);
    expect(found.nextFileNumber).to.equal(state.nextFileNumber);
    expect(found.version.levels[1]!.length).to.equal(850);
    expect(
      found.version.levels[1]!.every((one, at) => one.largest === state.version.levels[1]![at]!.largest),
    ).to.equal(true);
  });

  it("is damaged where it ends within the state that it starts with", async () => {
    await create(300);
    const path = `${temporaryFolder()}/MANIFEST-000003`;
    fs.truncateSync(path, fs.statSync(path).size - 1);
    expect(() => readManifest(fileSystem, temporaryFolder(), shard, fileNumber)).to.throw(
      "the manifest ends within the state that it starts with",
    );
  });
});
