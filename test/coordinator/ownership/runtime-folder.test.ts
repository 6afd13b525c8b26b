import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { expect } from "chai";
import {
  createRuntimeFolder,
  isRuntimeFolder,
  removeRuntimeFolder,
} from "../../../coordinator/ownership/runtime-folder.js";
import { maxSocketPathBytes } from "../../../shared/limits.js";
import { NodeFileSystem } from "../../../shared/storage/node-file-system.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";
import { expectError } from "./expect-error.js";

const files = new NodeFileSystem();

describe("runtime folder", () => {
  const temporaryFolder = useTemporaryFolder();
  const saved = { TMPDIR: process.env.TMPDIR, XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR };

  function setEnvironment(values: {
    TMPDIR?: string | undefined;
    XDG_RUNTIME_DIR?: string | undefined;
  }): void {
    for (const name of ["TMPDIR", "XDG_RUNTIME_DIR"] as const) {
      const value = values[name];
      if (value === undefined) {
        delete process.env[name];
      } else {
        process.env[name] = value;
      }
    }
  }

  function folderOfLength(lengthBytes: number): string {
    const base = temporaryFolder();
    const folder = path.join(base, "x".repeat(lengthBytes - base.length - 1));
    fs.mkdirSync(folder);
    return folder;
  }

  afterEach("restore the environment", () => setEnvironment(saved));

  it("is fresh, private whatever the umask, and where a socket can be", async () => {
    setEnvironment({ TMPDIR: temporaryFolder() });
    const previous = process.umask(0);
    const made = [createRuntimeFolder(files), createRuntimeFolder(files)];
    process.umask(previous);
    expect(made[0]!.folder).to.not.equal(made[1]!.folder);
    for (const { folder, socketPath } of made) {
      expect(path.dirname(folder)).to.equal(temporaryFolder());
      expect(path.basename(folder)).to.match(/^fastkv-[a-z2-7]{8}$/);
      expect(fs.statSync(folder).mode & 0o777).to.equal(0o700);
      expect(isRuntimeFolder(folder)).to.equal(true);
      const server = net.createServer();
      await new Promise<void>((resolve) => server.listen(socketPath, resolve));
      expect(fs.statSync(socketPath).isSocket()).to.equal(true);
      expect(removeRuntimeFolder(files, folder)).to.equal(true);
      expect(fs.existsSync(folder)).to.equal(false);
      expect(removeRuntimeFolder(files, folder)).to.equal(true);
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it("takes the caller's own folder before any other", () => {
    const { folder } = createRuntimeFolder(files, temporaryFolder());
    expect(path.dirname(folder)).to.equal(temporaryFolder());
    expect(isRuntimeFolder(folder, temporaryFolder())).to.equal(true);
    expect(isRuntimeFolder(folder)).to.equal(false);
  });

  it("accepts just the longest path that the system takes", async () => {
    const longest = maxSocketPathBytes - "/fastkv-abcdefgh/s".length;
    const { socketPath } = createRuntimeFolder(files, folderOfLength(longest));
    expect(Buffer.byteLength(socketPath)).to.equal(maxSocketPathBytes);
    const error = await expectError("FASTKV_INVALID_OPTION", () =>
      createRuntimeFolder(files, folderOfLength(longest + 1)),
    );
    expect(error.message).to.include("104 bytes").and.to.include("option");
  });

  it("counts bytes, not characters", async () => {
    const folder = path.join(temporaryFolder(), "ü".repeat(40));
    await expectError("FASTKV_INVALID_OPTION", () => createRuntimeFolder(files, folder));
  });

  it("passes over folders that are too long or cannot be used", () => {
    const runtime = path.join(temporaryFolder(), "xdg");
    fs.mkdirSync(runtime);
    setEnvironment({ TMPDIR: folderOfLength(100), XDG_RUNTIME_DIR: runtime });
    expect(path.dirname(createRuntimeFolder(files).folder)).to.equal(runtime);
    const missing = path.join(temporaryFolder(), "none");
    for (const xdg of [missing, "relative", ""]) {
      setEnvironment({ TMPDIR: missing, XDG_RUNTIME_DIR: xdg });
      const { folder } = createRuntimeFolder(files);
      expect(path.dirname(folder)).to.equal("/tmp");
      expect(removeRuntimeFolder(files, folder)).to.equal(true);
    }
  });

  it("says when the caller's own folder cannot be used", async () => {
    const missing = path.join(temporaryFolder(), "none");
    const error = await expectError("FASTKV_IO", () => createRuntimeFolder(files, missing));
    expect(error.message).to.include(missing);
    expect(error.cause).to.not.equal(undefined);
  });

  it("removes nothing that is no runtime folder of ours", () => {
    const other = path.join(temporaryFolder(), "other");
    const full = path.join(temporaryFolder(), "fastkv-aaaaaaaa");
    const link = path.join(temporaryFolder(), "fastkv-bbbbbbbb");
    for (const folder of [other, full]) {
      fs.mkdirSync(folder);
      fs.writeFileSync(path.join(folder, "s"), "");
    }
    fs.writeFileSync(path.join(full, "precious"), "");
    fs.symlinkSync(other, link);
    for (const folder of [other, full, link]) {
      expect(removeRuntimeFolder(files, folder)).to.equal(false);
    }
    expect(fs.readdirSync(other)).to.deep.equal(["s"]);
    expect(fs.readdirSync(full)).to.deep.equal(["precious", "s"]);
    for (const folder of [
      "fastkv-aaaaaaaa",
      "/tmp/fastkv-aaaa",
      "/tmp/x/fastkv-aaaaaaaa",
      "/tmp/fastkv-aaaaaaaa/..",
    ]) {
      expect(isRuntimeFolder(folder), folder).to.equal(false);
    }
  });
});
