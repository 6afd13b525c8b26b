import fs from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { judgeFolder, prepareFolder } from "../../../coordinator/ownership/database-folder.js";
import { NodeFileSystem } from "../../../shared/storage/node-file-system.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";
import { expectError } from "./expect-error.js";

const files = new NodeFileSystem();
const create = { createIfMissing: true };

describe("database folder", () => {
  const temporaryFolder = useTemporaryFolder();

  for (const [names, kind] of [
    [[], "new"],
    [["OWNER-0000000001"], "new"],
    [["OWNER-0000000001", "OWNER-0000000002.99-0a0b0c0d.tmp", "FASTKV.tmp"], "new"],
    [["lost+found", ".DS_Store"], "new"],
    [["FASTKV"], "existing"],
    [["FASTKV", "shard-000", "notes.txt"], "existing"],
    [["shard-000"], "identity-missing"],
    [["OWNER-0000000001", "batch-log-000001"], "identity-missing"],
    [["shard-000", "notes.txt"], "foreign"],
    [["fastkv"], "foreign"],
    [["OWNER-1"], "foreign"],
    [["OWNER"], "foreign"],
  ] as const) {
    it(`judges a folder with [${names.join(", ")}] as ${kind}`, () => {
      expect(judgeFolder(names).kind).to.equal(kind);
    });
  }

  it("makes a missing folder, for its owner alone, whatever the umask", () => {
    const previous = process.umask(0);
    try {
      const folder = path.join(temporaryFolder(), "db");
      expect(prepareFolder(files, folder, create)).to.equal("new");
      expect(fs.statSync(folder).mode & 0o777).to.equal(0o700);
      expect(prepareFolder(files, folder, create)).to.equal("new");
    } finally {
      process.umask(previous);
    }
  });

  it("makes nothing when it is not to", async () => {
    const folder = path.join(temporaryFolder(), "db");
    const open = () => prepareFolder(files, folder, { createIfMissing: false });
    expect((await expectError("FASTKV_NOT_FOUND", open)).message).to.include(folder);
    expect(fs.existsSync(folder)).to.equal(false);
    fs.mkdirSync(folder);
    await expectError("FASTKV_NOT_FOUND", open);
    fs.writeFileSync(path.join(folder, "FASTKV"), "");
    expect(open()).to.equal("existing");
  });

  it("names the folder that is missing around it", async () => {
    const folder = path.join(temporaryFolder(), "a", "b");
    const error = await expectError("FASTKV_NOT_FOUND", () => prepareFolder(files, folder, create));
    expect(error.message).to.include(path.dirname(folder));
    expect(error.cause).to.have.property("code");
  });

  it("refuses a file, a path through a file and a dangling link", async () => {
    const file = path.join(temporaryFolder(), "file");
    const link = path.join(temporaryFolder(), "link");
    fs.writeFileSync(file, "");
    fs.symlinkSync(path.join(temporaryFolder(), "nowhere"), link);
    for (const folder of [file, path.join(file, "db"), link]) {
      await expectError("FASTKV_NOT_A_DATABASE", () => prepareFolder(files, folder, create));
    }
  });

  it("names some of the foreign files, escaped", async () => {
    for (const name of ["\u001b[31mred", "b", "c", "d", "e"]) {
      fs.writeFileSync(path.join(temporaryFolder(), name), "");
    }
    const error = await expectError("FASTKV_NOT_A_DATABASE", () =>
      prepareFolder(files, temporaryFolder(), create),
    );
    expect(error.message).to.include('"b"').and.to.include("and 2 more").and.to.not.include("\u001b");
    expect(error.message).to.match(/Choose an empty or a new folder\.$/);
    const missing = await expectError("FASTKV_NOT_A_DATABASE", () =>
      prepareFolder(files, temporaryFolder(), { createIfMissing: false }),
    );
    expect(missing.message).to.match(/Give the folder of a database\.$/);
  });

  it("says when the identity file alone is missing", async () => {
    fs.mkdirSync(path.join(temporaryFolder(), "shard-000"));
    const error = await expectError("FASTKV_CORRUPTION", () =>
      prepareFolder(files, temporaryFolder(), create),
    );
    expect(error.message).to.include("FASTKV").and.to.include("shard-000");
  });
});
