/**
 * The owner files of a folder, as files: their names, and the three ways in which they are touched (read, made
 * whole under a free name, listed). What they mean is owner-lock.ts's.
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

/** What link(2) says on file systems without hard links. */
const noLinkCodes = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

export function ownerFileName(epoch: number): string {
  return `OWNER-${String(epoch).padStart(10, "0")}`;
}

/** An owner file, or what a crash left of the making of one. */
export function isOwnerName(name: string): boolean {
  return namePattern.test(name) || temporaryPattern.test(name);
}

/** Was the folder ever held? For telling a FastKV folder from a stranger's. */
export function hasOwnerFiles(names: readonly string[]): boolean {
  return names.some((name) => namePattern.test(name));
}

/** The epochs of the owner files there are, ascending. One listing of so small a folder is one moment. */
export function listOwnerEpochs(fileSystem: FileSystem, folder: string): number[] {
  const epochs = fileSystem.list(folder).map((name) => Number(namePattern.exec(name)?.[1] ?? Number.NaN));
  return epochs.filter((epoch) => !Number.isNaN(epoch)).sort((left, right) => left - right);
}

/**
 * The record of an owner file; undefined where it is missing.
 *
 * @throws FastKVError `FASTKV_CORRUPTION` where it is damaged or no plain file, `FASTKV_UNSUPPORTED_FORMAT`.
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
 * Makes the owner file of a new epoch, whole and synced; the folder still has to be synced. False where another
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
      // ENOENT: a winner took the temporary file for a dead claimant's.
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

/** A failure here must not hide whether the link was made; what stays is swept by the next owner. */
function removeQuietly(fileSystem: FileSystem, path: string): void {
  try {
    fileSystem.remove(path);
  } catch {
    return;
  }
}

/** Removes what claimants left. Only for the owner: a claimant whose file goes finds that the epoch is taken. */
export function sweepTemporaries(fileSystem: FileSystem, folder: string): void {
  for (const name of fileSystem.list(folder)) {
    if (temporaryPattern.test(name)) {
      fileSystem.remove(`${folder}/${name}`);
    }
  }
}
