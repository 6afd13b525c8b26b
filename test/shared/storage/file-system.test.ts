import fs from "node:fs";
import { expect } from "chai";
import { readWholeFile, replaceFile } from "../../../shared/storage/file-system.js";
import { NodeFileSystem } from "../../../shared/storage/node-file-system.js";
import { caught, causeCode } from "../../support/errors.js";
import { describeFileSystem } from "../../support/file-system-contract.js";
import { itWithRandom, Random } from "../../support/random.js";
import { SimulatedCrash, SimulatedFileSystem } from "../../support/simulated-file-system.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

describe("shared/storage", () => {
  describe("on the real disk", () => {
    const temporaryFolder = useTemporaryFolder();

    describeFileSystem("NodeFileSystem", () => ({
      fileSystem: new NodeFileSystem(),
      folder: temporaryFolder(),
    }));

    it("keeps files and folders from other users", () => {
      const folder = temporaryFolder();
      const files = new NodeFileSystem();
      files.create(`${folder}/file`).close();
      files.makeFolder(`${folder}/inner`);
      expect(fs.statSync(`${folder}/file`).mode & 0o777).to.equal(0o600);
      expect(fs.statSync(`${folder}/inner`).mode & 0o777).to.equal(0o700);
    });

    it("follows no symbolic link in the place of a file", () => {
      const folder = temporaryFolder();
      const files = new NodeFileSystem();
      files.create(`${folder}/file`).close();
      fs.symlinkSync(`${folder}/file`, `${folder}/link`);
      fs.symlinkSync(`${folder}/missing`, `${folder}/dangling`);
      expect(causeCode(caught(() => files.open(`${folder}/link`, "read")))).to.equal("ELOOP");
      expect(causeCode(caught(() => files.create(`${folder}/dangling`)))).to.equal("EEXIST");
      expect(files.exists(`${folder}/dangling`)).to.equal(true);
    });
  });

  describe("on the simulated disk", () => {
    describeFileSystem("SimulatedFileSystem", () => ({
      fileSystem: new SimulatedFileSystem({ random: new Random(1), folders: ["/data"] }),
      folder: "/data",
    }));
  });

  itWithRandom("replaceFile leaves the old content or the new one after a crash anywhere", (random) => {
    const old = random.bytes(5000);
    const fresh = random.bytes(9000);
    const seen = new Set<string>();
    for (let round = 0; round < 400; round += 1) {
      const disk = new SimulatedFileSystem({ random: random.fork(), folders: ["/data"] });
      replaceFile(disk, "/data", "CURRENT", old);
      disk.operationsUntilCrash = random.between(1, 8);
      let returned = false;
      try {
        replaceFile(disk, "/data", "CURRENT", fresh);
        returned = true;
      } catch (error) {
        expect(error).to.be.instanceOf(SimulatedCrash);
      }
      const found = readWholeFile(disk.crash(random), "/data/CURRENT");
      const state = found.equals(fresh) ? "new" : found.equals(old) ? "old" : "neither";
      expect(state, disk.trace()).to.not.equal("neither");
      expect(returned && state === "old", disk.trace()).to.equal(false);
      seen.add(state);
    }
    expect([...seen].sort()).to.deep.equal(["new", "old"]);
  });

  itWithRandom("replaceFile after an error leaves the old content, and can be repeated", (random) => {
    const failures = [
      ["create", "ENOSPC"],
      ["write", "ENOSPC"],
      ["sync", "EIO"],
      ["rename", "EIO"],
    ] as const;
    for (const [operation, code] of failures) {
      const disk = new SimulatedFileSystem({ random: random.fork(), folders: ["/data"] });
      replaceFile(disk, "/data", "CURRENT", Buffer.from("old"));
      disk.failNext({ operation }, code);
      caught(() => replaceFile(disk, "/data", "CURRENT", Buffer.from("new")));
      expect(readWholeFile(disk, "/data/CURRENT").toString()).to.equal("old");
      replaceFile(disk, "/data", "CURRENT", Buffer.from("new"));
      expect(readWholeFile(disk.crash(random, "dropAll"), "/data/CURRENT").toString()).to.equal("new");
    }
  });
});
