/**
 * The owner files of a folder: their names, and the three ways to access them (read, create completely under a free
 * name, list). owner-lock.ts defines their meaning.
 */

import { randomBytes } from "node:crypto";
import { FastKVError } from "../../shared/errors.js";
import type { FileSystem } from "../../shared/storage/file-system.js";
import type { OwnerRecord } from "./owner-record.js";
import {
  decodeOwnerRecord,
  encodeOwnerRecord,
  maxOwnerRecordBytes,
  ownerCorruption,
} from "./owner-record.js";
import { systemErrorCode } from "./system-error.js";

const namePattern = /^OWNER-(\d{10})$/;
const temporaryPattern = /^OWNER-\d{10}(\.\d+-[0-9a-f]+)?\.tmp$/;

/** The errors of link(2) on file systems without hard links. */
const noLinkCodes = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

export function ownerFileName(epoch: number): string {
  return `OWNER-${String(epoch).padStart(10, "0")}`;
}

/** Whether this is the name of an owner file, or of one whose creation a crash interrupted. */
export function isOwnerName(name: string): boolean {
  return namePattern.test(name) || temporaryPattern.test(name);
}

/**
 * Returns the epochs of the existing owner files, ascending. One listing of such a small folder is a consistent view.
 */
export function listOwnerEpochs(fileSystem: FileSystem, folder: string): number[] {
  const epochs = fileSystem.list(folder).map((name) => Number(namePattern.exec(name)?.[1] ?? Number.NaN));
  return epochs.filter((epoch) => !Number.isNaN(epoch)).sort((left, right) => left - right);
}

/**
 * Reads the record of an owner file; undefined if the file is missing.
 *
 * @throws FastKVError `FASTKV_CORRUPTION` if it is damaged or not a regular file, `FASTKV_UNSUPPORTED_FORMAT`.
 */
export function readOwnerFile(
  fileSystem: FileSystem,
  folder: string,
  epoch: number,
): OwnerRecord | undefined {
  const path = `${folder}/${ownerFileName(epoch)}`;
  let bytes: Buffer;
  try {
    bytes = readLimited(fileSystem, path);
  } catch (error) {
    switch (systemErrorCode(error)) {
      case "ENOENT":
        return undefined;
      case "ELOOP":
      case "EISDIR":
        throw ownerCorruption(path, "it is a symbolic link or a folder", error);
      default:
        throw error;
    }
  }
  return decodeOwnerRecord(bytes, path, epoch);
}

function readLimited(fileSystem: FileSystem, path: string): Buffer {
  const handle = fileSystem.open(path, "read");
  try {
    const sizeBytes = handle.sizeBytes();
    if (sizeBytes > maxOwnerRecordBytes) {
      throw ownerCorruption(path, `it has ${sizeBytes} bytes`);
    }
    const bytes = Buffer.alloc(sizeBytes);
    return bytes.subarray(0, handle.read(bytes, 0));
  } finally {
    handle.close();
  }
}

/**
 * Creates the owner file of a new epoch, complete and synced; the folder must still be synced. Returns false if another
 * process took the epoch.
 */
export function linkOwnerFile(fileSystem: FileSystem, folder: string, record: OwnerRecord): boolean {
  const path = `${folder}/${ownerFileName(record.epoch)}`;
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString("hex")}.tmp`;
  try {
    writeSynced(fileSystem, temporary, encodeOwnerRecord(record));
    return tryLink(fileSystem, folder, temporary, path);
  } finally {
    removeQuietly(fileSystem, temporary);
  }
}

function tryLink(fileSystem: FileSystem, folder: string, from: string, to: string): boolean {
  try {
    fileSystem.link(from, to);
    return true;
  } catch (cause) {
    const code = systemErrorCode(cause) ?? "";
    if (code === "EEXIST" || (code === "ENOENT" && fileSystem.exists(folder))) {
      // ENOENT: a winner removed the temporary file as that of a dead claimant.
      return false;
    }
    if (!noLinkCodes.has(code)) {
      throw cause;
    }
    throw new FastKVError(
      "FASTKV_IO",
      `The file system of ${folder} has no hard links (${code}), which the lock of a database needs. ` +
        "Keep the database on another file system.",
      { cause },
    );
  }
}

function writeSynced(fileSystem: FileSystem, path: string, content: Uint8Array): void {
  const handle = fileSystem.create(path);
  try {
    handle.write(content, 0);
    handle.sync();
  } finally {
    handle.close();
  }
}

/** A failure here must not hide whether the link was created. The next owner removes what is left. */
function removeQuietly(fileSystem: FileSystem, path: string): void {
  try {
    fileSystem.remove(path);
  } catch {
    return;
  }
}

/**
 * Removes temporary files of claimants. Only for the owner: a claimant that loses its file finds that the epoch is
 * taken.
 */
export function sweepTemporaries(fileSystem: FileSystem, folder: string): void {
  for (const name of fileSystem.list(folder)) {
    if (temporaryPattern.test(name)) {
      fileSystem.remove(`${folder}/${name}`);
    }
  }
}
