/**
 * All that FastKV does with files goes through this interface: the product runs on Node's `fs`, the tests also on
 * a simulated disk that drops what was not synced. Implementations throw `FastKVError` (`FASTKV_NO_SPACE` for
 * ENOSPC, EDQUOT and EFBIG, else `FASTKV_IO`, each with the system's error as its cause). What failed to reach the
 * disk in a sync or a close is "in-doubt".
 *
 * Calls are synchronous but for those that end in `Async`, which run in the thread pool: the shard's mailbox is
 * handled in one go, and whatever may wait for a disk (syncs) is asynchronous there.
 */

import { FastKVError } from "../errors.js";

export interface FileHandle {
  readonly path: string;
  /**
   * Writes all of `data` at `position`. A short write is continued until all is written, or the system gives a
   * reason why not or takes nothing more (`FASTKV_NO_SPACE`): then any part of it may have been written.
   */
  write(data: Uint8Array, position: number): void;
  writeAsync(data: Uint8Array, position: number): Promise<void>;
  /** Fills `target` from `position`; the count is short only at the end of the file. */
  read(target: Uint8Array, position: number): number;
  sizeBytes(): number;
  truncate(sizeBytes: number): void;
  /** fdatasync: contents and size are on disk afterwards. A failure is final; never call it again to try. */
  sync(): void;
  syncAsync(): Promise<void>;
  /** Not while an async call is under way. Every later call, a second `close` too, is `FASTKV_IO` with cause EBADF. */
  close(): void;
}

export interface FileSystem {
  /** Creates a file that must not exist (`wx`, mode 0600, no symlink followed), open for reading and writing. */
  create(path: string): FileHandle;
  /** Opens an existing file; `FASTKV_IO` with cause ENOENT where it is missing. */
  open(path: string, mode: "read" | "update"): FileHandle;
  /** False where the name or a folder above it is missing; throws (ENOTDIR) where a file is in a folder's place. */
  exists(path: string): boolean;
  /** Names in a folder, sorted; throws where it is none. */
  list(folder: string): string[];
  /** Creates one folder with mode 0700; an existing one is left as it is. */
  makeFolder(path: string): void;
  rename(from: string, to: string): void;
  /** Makes `to` a second name of `from`; throws with cause EEXIST where `to` exists. */
  link(from: string, to: string): void;
  /** Removes a file; a missing one is no error. */
  remove(path: string): void;
  /** The same in the thread pool: to give back the blocks of a large file takes tens of milliseconds. */
  removeAsync(path: string): Promise<void>;
  /** Removes an empty folder; a missing one is no error. */
  removeFolder(path: string): void;
  /** fsync of a folder: creations, renames and removals in it are on disk afterwards. */
  syncFolder(path: string): void;
  syncFolderAsync(path: string): Promise<void>;
}

/** In bytes. */
export function fileSize(fileSystem: FileSystem, path: string): number {
  const handle = fileSystem.open(path, "read");
  try {
    return handle.sizeBytes();
  } finally {
    handle.close();
  }
}

/** The whole of a small file. Throws `FASTKV_IO` where it is larger than `limitBytes`. */
export function readWholeFile(
  fileSystem: Pick<FileSystem, "open">,
  path: string,
  limitBytes: number = 16 * 1024 * 1024,
): Buffer {
  const handle = fileSystem.open(path, "read");
  try {
    const sizeBytes = handle.sizeBytes();
    if (sizeBytes > limitBytes) {
      throw new FastKVError(
        "FASTKV_IO",
        `Cannot read ${path}: it has ${sizeBytes} bytes, and at most ${limitBytes} were expected.`,
      );
    }
    const bytes = Buffer.allocUnsafe(sizeBytes);
    return bytes.subarray(0, handle.read(bytes, 0));
  } finally {
    handle.close();
  }
}

/**
 * Replaces a small file in one step: temporary name, write, sync, rename, sync of the folder. After a crash at any
 * point the file has its old content or its new one.
 */
export function replaceFile(fileSystem: FileSystem, folder: string, name: string, content: Uint8Array): void {
  const temporary = `${folder}/${name}.tmp`;
  fileSystem.remove(temporary);
  const handle = fileSystem.create(temporary);
  try {
    handle.write(content, 0);
    handle.sync();
  } finally {
    handle.close();
  }
  fileSystem.rename(temporary, `${folder}/${name}`);
  fileSystem.syncFolder(folder);
}
