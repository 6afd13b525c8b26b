/** What every implementation of FileSystem must do. Runs against the real disk and against the simulated one. */

import { expect } from "chai";
import {
  type FileHandle,
  type FileSystem,
  readWholeFile,
  replaceFile,
} from "../../shared/storage/file-system.js";
import { caught, causeCode, rejection } from "./errors.js";

/** A file system and an existing empty folder in it. */
export interface FileSystemUnderTest {
  fileSystem: FileSystem;
  folder: string;
}

const hello = Buffer.from("hello");

export function describeFileSystem(name: string, make: () => FileSystemUnderTest): void {
  describe(`${name} as a FileSystem`, () => {
    let files: FileSystem;
    let folder: string;

    beforeEach(() => {
      ({ fileSystem: files, folder } = make());
    });

    const at = (path: string): string => `${folder}/${path}`;

    function put(path: string, content: Uint8Array | string = hello): void {
      const handle = files.create(at(path));
      handle.write(Buffer.from(content), 0);
      handle.close();
    }

    function text(path: string): string {
      return readWholeFile(files, at(path)).toString();
    }

    function expectRefused(call: () => unknown, code: string): void {
      const error = caught(call);
      expect(error.code).to.equal("FASTKV_IO");
      expect(causeCode(error)).to.equal(code);
      expect(error.message).to.contain(folder).and.to.contain(code);
    }

    function withFile(body: (handle: FileHandle) => void): void {
      const handle = files.create(at("file"));
      try {
        body(handle);
      } finally {
        handle.close();
      }
    }

    describe("reading and writing", () => {
      it("reads what was written, at any place", () => {
        withFile((handle) => {
          handle.write(hello, 0);
          handle.write(Buffer.from("J"), 0);
          handle.write(Buffer.from("y!"), 4);
          const target = Buffer.alloc(3);
          expect(handle.read(target, 3)).to.equal(3);
          expect(target.toString()).to.equal("ly!");
          expect(handle.sizeBytes()).to.equal(6);
          expect(handle.path).to.equal(at("file"));
        });
        expect(text("file")).to.equal("Jelly!");
      });

      it("reads short only at the end of the file", () => {
        withFile((handle) => {
          handle.write(hello, 0);
          const target = Buffer.alloc(8, 0xff);
          expect(handle.read(target, 2)).to.equal(3);
          expect(target.toString("latin1")).to.equal("llo\xff\xff\xff\xff\xff");
          expect(handle.read(target, 5)).to.equal(0);
          expect(handle.read(target, 500)).to.equal(0);
          expect(handle.read(Buffer.alloc(0), 0)).to.equal(0);
        });
      });

      it("honours the offset and length of a view", () => {
        withFile((handle) => {
          const frame = new Uint8Array([9, 9, 1, 2, 3, 9]);
          handle.write(frame.subarray(2, 5), 0);
          const target = new Uint8Array(6);
          expect(handle.read(target.subarray(1, 5), 0)).to.equal(3);
          expect([...target]).to.deep.equal([0, 1, 2, 3, 0, 0]);
        });
      });

      it("fills a gap with zeros", () => {
        withFile((handle) => {
          handle.write(hello, 0);
          handle.write(Buffer.from("x"), 9000);
          const target = Buffer.alloc(9001, 0xff);
          expect(handle.read(target, 0)).to.equal(9001);
          expect(target.subarray(5, 9000).every((byte) => byte === 0)).to.equal(true);
        });
      });

      it("truncates and grows with zeros", () => {
        withFile((handle) => {
          handle.write(hello, 0);
          handle.truncate(2);
          expect(handle.sizeBytes()).to.equal(2);
          handle.truncate(4);
          const target = Buffer.alloc(9);
          expect(handle.read(target, 0)).to.equal(4);
          expect(target.toString("latin1", 0, 4)).to.equal("he\0\0");
        });
      });

      it("writes nothing for no bytes", () => {
        withFile((handle) => {
          handle.write(Buffer.alloc(0), 10);
          expect(handle.sizeBytes()).to.equal(0);
        });
      });

      it("keeps a removed file for who has it open", () => {
        withFile((handle) => {
          handle.write(hello, 0);
          files.remove(at("file"));
          put("file", "another");
          const target = Buffer.alloc(5);
          handle.read(target, 0);
          expect(target.toString()).to.equal("hello");
        });
        expect(text("file")).to.equal("another");
      });

      it("shows one handle what another has written", () => {
        put("file");
        const reader = files.open(at("file"), "read");
        const writer = files.open(at("file"), "update");
        writer.write(Buffer.from("Y"), 4);
        const target = Buffer.alloc(5);
        reader.read(target, 0);
        expect(target.toString()).to.equal("hellY");
        reader.close();
        writer.close();
      });

      it("writes and syncs asynchronously", async () => {
        const handle = files.create(at("file"));
        await handle.writeAsync(hello, 0);
        await handle.writeAsync(Buffer.alloc(0), 50);
        await handle.syncAsync();
        handle.close();
        await files.syncFolderAsync(folder);
        expect(text("file")).to.equal("hello");
      });

      it("syncs through any handle", () => {
        put("file");
        const handle = files.open(at("file"), "read");
        handle.sync();
        handle.close();
        files.syncFolder(folder);
      });
    });

    describe("handles", () => {
      it("refuses to change what was opened for reading", () => {
        put("file");
        const handle = files.open(at("file"), "read");
        expectRefused(() => handle.write(hello, 0), "EBADF");
        expectRefused(() => handle.truncate(0), "EINVAL");
        handle.close();
      });

      it("refuses everything once closed", async () => {
        const handle = files.create(at("file"));
        handle.close();
        expectRefused(() => handle.close(), "EBADF");
        expectRefused(() => handle.write(hello, 0), "EBADF");
        expectRefused(() => handle.read(Buffer.alloc(1), 0), "EBADF");
        expectRefused(() => handle.sizeBytes(), "EBADF");
        expectRefused(() => handle.truncate(0), "EBADF");
        expectRefused(() => handle.sync(), "EBADF");
        expect(causeCode(await rejection(handle.syncAsync()))).to.equal("EBADF");
        expect(causeCode(await rejection(handle.writeAsync(hello, 0)))).to.equal("EBADF");
      });
    });

    describe("creating and opening", () => {
      it("creates only what does not exist", () => {
        put("file");
        files.makeFolder(at("inner"));
        expectRefused(() => files.create(at("file")), "EEXIST");
        expectRefused(() => files.create(at("inner")), "EEXIST");
        expectRefused(() => files.create(at("missing/file")), "ENOENT");
        expectRefused(() => files.create(at("file/file")), "ENOTDIR");
        expect(text("file")).to.equal("hello");
      });

      it("opens only files that exist", () => {
        put("file");
        files.makeFolder(at("inner"));
        expectRefused(() => files.open(at("missing"), "read"), "ENOENT");
        expectRefused(() => files.open(at("missing"), "update"), "ENOENT");
        expectRefused(() => files.open(at("file/file"), "read"), "ENOTDIR");
        expectRefused(() => files.open(at("inner"), "update"), "EISDIR");
      });

      it("knows what exists", () => {
        put("file");
        expect(files.exists(at("file"))).to.equal(true);
        expect(files.exists(folder)).to.equal(true);
        expect(files.exists(at("missing"))).to.equal(false);
        expect(files.exists(at("missing/file"))).to.equal(false);
        expectRefused(() => files.exists(at("file/file")), "ENOTDIR");
      });
    });

    describe("folders", () => {
      it("lists names in order", () => {
        expect(files.list(folder)).to.deep.equal([]);
        for (const name of ["b", "a", "10", "9", "B"]) {
          put(name);
        }
        files.makeFolder(at("inner"));
        expect(files.list(folder)).to.deep.equal(["10", "9", "B", "a", "b", "inner"]);
        expectRefused(() => files.list(at("missing")), "ENOENT");
        expectRefused(() => files.list(at("a")), "ENOTDIR");
      });

      it("makes a folder once, and leaves an existing one as it is", () => {
        files.makeFolder(at("inner"));
        put("inner/file");
        files.makeFolder(at("inner"));
        expect(files.list(at("inner"))).to.deep.equal(["file"]);
        expectRefused(() => files.makeFolder(at("inner/file")), "EEXIST");
        expectRefused(() => files.makeFolder(at("missing/inner")), "ENOENT");
        expectRefused(() => files.makeFolder(at("inner/file/x")), "ENOTDIR");
      });

      it("removes only empty folders", () => {
        files.makeFolder(at("inner"));
        put("inner/file");
        expectRefused(() => files.removeFolder(at("inner")), "ENOTEMPTY");
        expectRefused(() => files.removeFolder(at("inner/file")), "ENOTDIR");
        expectRefused(() => files.removeFolder(at("inner/file/x")), "ENOTDIR");
        files.remove(at("inner/file"));
        files.removeFolder(at("inner"));
        files.removeFolder(at("inner"));
        expect(files.list(folder)).to.deep.equal([]);
      });

      it("syncs only folders that exist", async () => {
        expectRefused(() => files.syncFolder(at("missing")), "ENOENT");
        expect(causeCode(await rejection(files.syncFolderAsync(at("missing"))))).to.equal("ENOENT");
      });
    });

    describe("names", () => {
      it("removes a file, and does not mind a missing one", async () => {
        put("file");
        files.remove(at("file"));
        files.remove(at("file"));
        files.remove(at("missing/file"));
        put("other");
        await files.removeAsync(at("other"));
        await files.removeAsync(at("other"));
        expect(files.list(folder)).to.deep.equal([]);
      });

      it("removes no folder as a file", async () => {
        files.makeFolder(at("inner"));
        put("file");
        expectRefused(() => files.remove(at("inner")), "ERR_FS_EISDIR");
        expect(causeCode(await rejection(files.removeAsync(at("inner"))))).to.equal("ERR_FS_EISDIR");
        expectRefused(() => files.remove(at("file/x")), "ENOTDIR");
      });

      it("renames over a file", () => {
        put("old", "old");
        put("new", "new");
        files.rename(at("new"), at("old"));
        expect(files.list(folder)).to.deep.equal(["old"]);
        expect(text("old")).to.equal("new");
      });

      it("renames into another folder, and folders with what they hold", () => {
        files.makeFolder(at("one"));
        files.makeFolder(at("two"));
        put("one/file");
        files.rename(at("one/file"), at("two/file"));
        files.rename(at("two"), at("one"));
        expect(files.list(folder)).to.deep.equal(["one"]);
        expect(text("one/file")).to.equal("hello");
      });

      it("leaves both names of one file when one is renamed to the other", () => {
        put("a");
        files.link(at("a"), at("b"));
        files.rename(at("a"), at("b"));
        files.rename(at("a"), at("a"));
        expect(files.list(folder)).to.deep.equal(["a", "b"]);
      });

      it("refuses what cannot be renamed", () => {
        put("file");
        files.makeFolder(at("inner"));
        files.makeFolder(at("empty"));
        put("inner/file");
        expectRefused(() => files.rename(at("missing"), at("x")), "ENOENT");
        expectRefused(() => files.rename(at("file"), at("missing/x")), "ENOENT");
        expectRefused(() => files.rename(at("file"), at("inner")), "EISDIR");
        expectRefused(() => files.rename(at("inner"), at("file")), "ENOTDIR");
        expectRefused(() => files.rename(at("empty"), at("inner")), "ENOTEMPTY");
        expectRefused(() => files.rename(at("inner"), at("inner/x")), "EINVAL");
        expect(files.list(folder)).to.deep.equal(["empty", "file", "inner"]);
      });

      it("gives a file a second name", () => {
        put("a");
        files.link(at("a"), at("b"));
        const handle = files.open(at("b"), "update");
        handle.write(Buffer.from("J"), 0);
        handle.close();
        expect(text("a")).to.equal("Jello");
        files.remove(at("a"));
        expect(text("b")).to.equal("Jello");
      });

      it("refuses what cannot be linked", () => {
        put("a");
        put("b");
        files.makeFolder(at("inner"));
        expectRefused(() => files.link(at("a"), at("b")), "EEXIST");
        expectRefused(() => files.link(at("inner"), at("b")), "EEXIST");
        expectRefused(() => files.link(at("inner"), at("x")), "EPERM");
        expectRefused(() => files.link(at("missing"), at("x")), "ENOENT");
        expectRefused(() => files.link(at("a"), at("missing/x")), "ENOENT");
      });
    });

    it("replaces a small file, whatever is left of an earlier try", () => {
      put("CURRENT.tmp", "left behind by a crash");
      replaceFile(files, folder, "CURRENT", Buffer.from("one"));
      replaceFile(files, folder, "CURRENT", Buffer.from("two"));
      expect(files.list(folder)).to.deep.equal(["CURRENT"]);
      expect(text("CURRENT")).to.equal("two");
    });
  });
}
