import path from "node:path";
import { expect } from "chai";
import { resolveOptions } from "../../../coordinator/calls/options.js";
import { FastKV } from "../../../coordinator/fastkv.js";
import { manyKeys } from "../../api/support/stores.js";
import { rejection } from "../../support/errors.js";
import { InProcessLauncher } from "../../support/in-process-launcher.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";
import { type FailingFileSystem, failingFileSystem } from "../failing-file-system.js";

describe("A bulk load whose commit finds no room", () => {
  const temporaryFolder = useTemporaryFolder();

  function open(files: FailingFileSystem): Promise<FastKV> {
    return FastKV.openIn(path.join(temporaryFolder(), "db"), resolveOptions({}), {
      fileSystem: files,
      startLauncher: async () => new InProcessLauncher(files),
    });
  }

  const [before, loaded] = [manyKeys(40, "before"), manyKeys(40, "loaded")];
  const pairs = (keys: readonly string[]): [string, string][] => keys.map((key) => [key, key]);

  it("in a manifest is in force: no flush says that it is done, and closing does not wait for room", async () => {
    const files = failingFileSystem();
    const db = await open(files);
    await db.batchPut(pairs(before));
    files.failure = (call, name) =>
      (call === "write" || call === "create") && name.includes("MANIFEST") ? "FASTKV_NO_SPACE" : undefined;
    await db.bulkLoad(pairs(loaded));
    expect(await db.getMany([...before, ...loaded])).to.deep.equal([...before, ...loaded]);
    for (const call of [db.flush(), db.compact()]) {
      expect(await rejection(call)).to.have.property("code", "FASTKV_NO_SPACE");
    }
    await db.put("taken", "taken");
    await db.close();

    files.failure = () => undefined;
    const again = await open(files);
    expect(await again.count()).to.equal(81);
    await again.flush();
    await again.close();
  });

  it("in a WAL is in force and stays so: the batch log vouches for it, and reads go on", async () => {
    const files = failingFileSystem();
    const db = await open(files);
    await db.batchPut(pairs(before));
    files.failure = (call, name) =>
      (call === "write" || call === "create") && name.endsWith(".wal") ? "FASTKV_NO_SPACE" : undefined;
    await db.bulkLoad(pairs(loaded));
    expect(await db.getMany([...before, ...loaded])).to.deep.equal([...before, ...loaded]);
    expect(await db.count()).to.equal(80);
    const refused = await rejection(db.put("refused", "refused"));
    expect(refused).to.include({ code: "FASTKV_NO_SPACE", writeOutcome: "not-applied" });
    // What the WAL lacks is in the batch log.
    await db.close();

    files.failure = () => undefined;
    const again = await open(files);
    expect(await again.getMany([...before, ...loaded, "refused"])).to.deep.equal([
      ...before,
      ...loaded,
      undefined,
    ]);
    await again.put("taken", "taken", { durability: "sync" });
    await again.close();
  });
});
