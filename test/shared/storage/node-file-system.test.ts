import fs from "node:fs";
import { expect } from "chai";
import { readWholeFile } from "../../../shared/storage/file-system.js";
import { NodeFileSystem } from "../../../shared/storage/node-file-system.js";
import { caught, causeCode, rejection } from "../../support/errors.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

/** Runs `body` while a function of node:fs is replaced. */
async function withPatched<Name extends keyof typeof fs>(
  name: Name,
  replacement: unknown,
  body: () => unknown,
): Promise<void> {
  const original = fs[name];
  Object.assign(fs, { [name]: replacement });
  try {
    await body();
  } finally {
    Object.assign(fs, { [name]: original });
  }
}

function failing(code: string): () => never {
  return () => {
    throw Object.assign(new Error(code), { code });
  };
}

describe("shared/storage: NodeFileSystem", () => {
  const temporaryFolder = useTemporaryFolder();
  const files = new NodeFileSystem();

  it("never touches another file through a closed handle", async () => {
    const closed = files.create(`${temporaryFolder()}/closed`);
    closed.close();
    // The system gives the freed number to the next file.
    const other = files.create(`${temporaryFolder()}/other`);
    other.write(Buffer.from("other"), 0);
    for (const call of [
      () => closed.close(),
      () => closed.write(Buffer.from("x"), 0),
      () => closed.truncate(0),
      () => closed.read(Buffer.alloc(1), 0),
      () => closed.sizeBytes(),
      () => closed.sync(),
    ]) {
      const error = caught(call);
      expect(error.code).to.equal("FASTKV_IO");
      expect(causeCode(error)).to.equal("EBADF");
    }
    expect((await rejection(closed.writeAsync(Buffer.from("x"), 0))).code).to.equal("FASTKV_IO");
    expect((await rejection(closed.syncAsync())).code).to.equal("FASTKV_IO");
    other.close();
    expect(readWholeFile(files, `${temporaryFolder()}/other`).toString()).to.equal("other");
  });

  it("does not close a file beneath a call in the thread pool", async () => {
    const handle = files.create(`${temporaryFolder()}/file`);
    const write = handle.writeAsync(Buffer.from("hello"), 0);
    expect(caught(() => handle.close()).code).to.equal("FASTKV_INTERNAL");
    await write;
    handle.close();
  });

  it("is closed after a close that fails", async () => {
    const handle = files.create(`${temporaryFolder()}/file`);
    const { closeSync } = fs;
    const closeAndFail = (descriptor: number): never => {
      closeSync(descriptor);
      return failing("EIO")();
    };
    await withPatched("closeSync", closeAndFail, () => {
      expect(causeCode(caught(() => handle.close()))).to.equal("EIO");
    });
    expect(causeCode(caught(() => handle.close()))).to.equal("EBADF");
  });

  it("says what became of a write: not applied, or in doubt where a sync failed", async () => {
    const handle = files.create(`${temporaryFolder()}/file`);
    for (const code of ["ENOSPC", "EDQUOT", "EFBIG"]) {
      await withPatched("writeSync", failing(code), () => {
        const error = caught(() => handle.write(Buffer.from("x"), 0));
        expect([error.code, error.writeOutcome]).to.deep.equal(["FASTKV_NO_SPACE", "not-applied"]);
      });
      await withPatched("fdatasyncSync", failing(code), () => {
        const error = caught(() => handle.sync());
        expect([error.code, error.writeOutcome]).to.deep.equal(["FASTKV_NO_SPACE", "in-doubt"]);
      });
      await withPatched("fdatasync", failing(code), async () => {
        const error = await rejection(handle.syncAsync());
        expect([error.code, error.writeOutcome]).to.deep.equal(["FASTKV_NO_SPACE", "in-doubt"]);
      });
      await withPatched("fsyncSync", failing(code), () => {
        const error = caught(() => files.syncFolder(temporaryFolder()));
        expect([error.code, error.writeOutcome]).to.deep.equal(["FASTKV_NO_SPACE", "in-doubt"]);
      });
    }
    handle.close();
  });

  it("continues short writes until all is written, and gives up where nothing more is taken", async () => {
    const handle = files.create(`${temporaryFolder()}/file`);
    const { writeSync } = fs;
    const oneByte = (descriptor: number, data: Uint8Array, at: number, _: number, position: number): number =>
      writeSync(descriptor, data, at, 1, position);
    await withPatched("writeSync", oneByte, () => handle.write(Buffer.from("hello"), 0));
    await withPatched(
      "writeSync",
      () => 0,
      () => {
        expect(caught(() => handle.write(Buffer.from("x"), 5)).code).to.equal("FASTKV_NO_SPACE");
      },
    );
    handle.close();
    expect(readWholeFile(files, `${temporaryFolder()}/file`).toString()).to.equal("hello");
  });

  it("syncs folders only, and wraps what the system throws on the way", async () => {
    const folder = temporaryFolder();
    files.create(`${folder}/file`).close();
    expect(causeCode(caught(() => files.syncFolder(`${folder}/file`)))).to.equal("ENOTDIR");
    expect(causeCode(await rejection(files.syncFolderAsync(`${folder}/file`)))).to.equal("ENOTDIR");
    await withPatched("lstatSync", failing("EACCES"), () => {
      expect(causeCode(caught(() => files.makeFolder(folder)))).to.equal("EACCES");
      expect(causeCode(caught(() => files.exists(folder)))).to.equal("EACCES");
    });
  });

  it("reads a whole file only up to a limit", () => {
    const path = `${temporaryFolder()}/file`;
    const handle = files.create(path);
    handle.write(Buffer.alloc(10), 0);
    expect(readWholeFile(files, path, 10).length).to.equal(10);
    const error = caught(() => readWholeFile(files, path, 9));
    expect(error.code).to.equal("FASTKV_IO");
    expect(error.message).to.contain(path).and.to.contain("10 bytes");
    handle.truncate(16 * 1024 * 1024 + 1);
    expect(caught(() => readWholeFile(files, path)).code).to.equal("FASTKV_IO");
    handle.close();
  });
});
