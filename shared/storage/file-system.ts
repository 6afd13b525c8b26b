/**
 * All file access of FastKV goes through this interface. The product runs on Node's `fs`, the tests also on a simulated
 * disk that drops what was not synced. Implementations throw `FastKVError` (`FASTKV_NO_SPACE` for ENOSPC, EDQUOT and
 * EFBIG, else `FASTKV_IO`, each with the system's error as its cause). A failed sync or close has the outcome
 * "in-doubt".
 *
 * Calls are synchronous, except those that end in `Async`, which run in the thread pool: a shard handles its mailbox
 * without interruption, and calls there that may wait for a disk (syncs) are asynchronous.
 */

import { FastKVError } from "../errors.js";

export interface FileHandle {
  readonly path: string;
  /**
   * Writes all of `data` at `position`. A short write is continued until everything is written, the system reports an
   * error, or it accepts nothing more (`FASTKV_NO_SPACE`). On failure, any part may have been written.
   */
  write(data: Uint8Array, position: number): void;
  writeAsync(data: Uint8Array, position: number): Promise<void>;
  /** Fills `target` from `position`. Returns the number of bytes, which is smaller only at the end of the file. */
  read(target: Uint8Array, position: number): number;
  sizeBytes(): number;
  truncate(sizeBytes: number): void;
  /** fdatasync: makes contents and size durable. A failure is final; never call this again to retry. */
  sync(): void;
  syncAsync(): Promise<void>;
  /**
   * Not while an async call is running. Every later call, including a second `close`, throws `FASTKV_IO` with cause
   * EBADF.
   */
  close(): void;
}

export interface FileSystem {
  /** Creates a file that must not exist (`wx`, mode 0600, no symlink followed), open for reading and writing. */
  create(path: string): FileHandle;
  /** Opens an existing file. Throws `FASTKV_IO` with cause ENOENT if it is missing. */
  open(path: string, mode: "read" | "update"): FileHandle;
  /** Returns false if the name or a folder above it is missing. Throws (ENOTDIR) if a file is in a folder's place. */
  exists(path: string): boolean;
  /** Returns the names in a folder, sorted. Throws if it is not a folder. */
  list(folder: string): string[];
  /** Creates one folder with mode 0700. An existing folder is left unchanged. */
  makeFolder(path: string): void;
  rename(from: string, to: string): void;
  /** Makes `to` a second name of `from`. Throws with cause EEXIST if `to` exists. */
  link(from: string, to: string): void;
  /** Removes a file. A missing file is not an error. */
  remove(path: string): void;
  /** Like `remove`, in the thread pool: freeing the blocks of a large file takes tens of milliseconds. */
  removeAsync(path: string): Promise<void>;
  /** Removes an empty folder. A missing folder is not an error. */
  removeFolder(path: string): void;
  /** fsync of a folder: makes creations, renames and removals in it durable. */
  syncFolder(path: string): void;
  syncFolderAsync(path: string): Promise<void>;
}

/** Returns the size of a file in bytes. */
export function fileSize(fileSystem: FileSystem, path: string): number {
  const handle = fileSystem.open(path, "read");
  try {
    return handle.sizeBytes();
  } finally {
    handle.close();
  }
}

/** Reads a small file completely. Throws `FASTKV_IO` if it is larger than `limitBytes`. */
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
 * Replaces a small file atomically: temporary name, write, sync, rename, sync of the folder. After a crash at any
 * point, the file has its old or its new content.
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
