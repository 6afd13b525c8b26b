/** The real files, but for calls that a test makes fail. */

import { FastKVError, type FastKVErrorCode } from "../../shared/errors.js";
import type { FileHandle, FileSystem } from "../../shared/storage/file-system.js";
import { NodeFileSystem } from "../../shared/storage/node-file-system.js";

export type FileCall = "create" | "write" | "sync" | "makeFolder" | "rename" | "link" | "syncFolder";

export interface FailingFileSystem extends FileSystem {
  /** The code with which a call on a path fails; undefined: it does not. */
  failure: (call: FileCall, path: string) => FastKVErrorCode | undefined;
}

export function failingFileSystem(): FailingFileSystem {
  const real = new NodeFileSystem();
  const check = (call: FileCall, path: string): void => {
    const code = system.failure(call, path);
    if (code !== undefined) {
      throw new FastKVError(code, `The test lets ${call} fail on ${path}`, { writeOutcome: "in-doubt" });
    }
  };
  const wrap = (handle: FileHandle): FileHandle => ({
    path: handle.path,
    write: (data, position) => {
      check("write", handle.path);
      handle.write(data, position);
    },
    writeAsync: async (data, position) => {
      check("write", handle.path);
      await handle.writeAsync(data, position);
    },
    read: (target, position) => handle.read(target, position),
    sizeBytes: () => handle.sizeBytes(),
    truncate: (sizeBytes) => handle.truncate(sizeBytes),
    sync: () => {
      check("sync", handle.path);
      handle.sync();
    },
    syncAsync: async () => {
      check("sync", handle.path);
      await handle.syncAsync();
    },
    close: () => handle.close(),
  });
  const system: FailingFileSystem = {
    failure: () => undefined,
    create: (path) => {
      check("create", path);
      return wrap(real.create(path));
    },
    open: (path, mode) => wrap(real.open(path, mode)),
    exists: (path) => real.exists(path),
    list: (folder) => real.list(folder),
    makeFolder: (path) => {
      check("makeFolder", path);
      real.makeFolder(path);
    },
    rename: (from, to) => {
      check("rename", to);
      real.rename(from, to);
    },
    link: (from, to) => {
      check("link", to);
      real.link(from, to);
    },
    remove: (path) => real.remove(path),
    removeAsync: (path) => real.removeAsync(path),
    removeFolder: (path) => real.removeFolder(path),
    syncFolder: (path) => {
      check("syncFolder", path);
      real.syncFolder(path);
    },
    syncFolderAsync: async (path) => {
      check("syncFolder", path);
      await real.syncFolderAsync(path);
    },
  };
  return system;
}
