/**
 * The private folder for the socket of one opening: `fastkv-` and 8 random characters, mode 0700, containing only the
 * socket `s`. The path of a Unix socket must be short, which the path of a database folder need not be. Hence a
 * separate folder, in the first of these places that is usable and short enough:
 *
 * 1. the caller's own choice (and then no other);
 * 2. the system's temporary folder (TMPDIR);
 * 3. XDG_RUNTIME_DIR; only after TMPDIR, since it vanishes when the user logs out while the program continues;
 * 4. /tmp.
 */

import { randomBytes } from "node:crypto";
import os from "node:os";
import path from "node:path";
import { FastKVError } from "../../shared/errors.js";
import { maxSocketPathBytes } from "../../shared/limits.js";
import type { FileSystem } from "../../shared/storage/file-system.js";

export interface RuntimeFolder {
  folder: string;
  /** At most `maxSocketPathBytes` long. */
  socketPath: string;
}

const socketName = "s";
const namePattern = /^fastkv-[a-z2-7]{8}$/;
const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
const nameLength = "fastkv-".length + 8;

/** Possible parent folders, in order of preference. */
function candidateParents(parent: string | undefined): string[] {
  if (parent !== undefined) {
    return [path.resolve(parent)];
  }
  const xdg = process.env.XDG_RUNTIME_DIR;
  const parents = [os.tmpdir(), ...(xdg !== undefined && path.isAbsolute(xdg) ? [xdg] : []), "/tmp"];
  return [...new Set(parents.map((candidate) => path.resolve(candidate)))];
}

function socketPathBytes(parent: string): number {
  return Buffer.byteLength(path.join(parent, "x".repeat(nameLength), socketName));
}

/**
 * Creates a new runtime folder. `parent` is the caller's own choice of place.
 *
 * @throws FastKVError `FASTKV_INVALID_OPTION` if the socket's path would be too long in all places, `FASTKV_IO` if none
 * that is short enough is writable.
 */
export function createRuntimeFolder(fileSystem: FileSystem, parent?: string): RuntimeFolder {
  const candidates = candidateParents(parent);
  const fitting = candidates.filter((candidate) => socketPathBytes(candidate) <= maxSocketPathBytes);
  if (fitting.length === 0) {
    throw tooLong(candidates[0]!, parent !== undefined);
  }
  let firstFailure: unknown;
  for (const candidate of fitting) {
    const folder = path.join(candidate, `fastkv-${randomName()}`);
    try {
      fileSystem.makeFolder(folder);
      return { folder, socketPath: path.join(folder, socketName) };
    } catch (error) {
      firstFailure ??= error;
    }
  }
  throw new FastKVError(
    "FASTKV_IO",
    `Cannot make a folder for the shards' socket in ${fitting.join(", ")}. ${wayOut(parent !== undefined)}`,
    { cause: firstFailure },
  );
}

function randomName(): string {
  return Array.from(randomBytes(8), (byte) => alphabet[byte % alphabet.length]).join("");
}

function tooLong(parent: string, isChosen: boolean): FastKVError {
  const lengthBytes = socketPathBytes(parent);
  return new FastKVError(
    "FASTKV_INVALID_OPTION",
    `The path of the shards' socket in ${parent} would have ${lengthBytes} bytes, and the system takes ` +
      `${maxSocketPathBytes}. ${wayOut(isChosen)}`,
  );
}

function wayOut(isChosen: boolean): string {
  return isChosen
    ? "Give a short writable folder that exists as the option runtimeFolder, or leave it out."
    : "Set the environment variable TMPDIR to a short writable folder.";
}

/** Whether it is named like a runtime folder, and lies where this program would create one. */
export function isRuntimeFolder(folder: string, parent?: string): boolean {
  return (
    path.isAbsolute(folder) &&
    namePattern.test(path.basename(folder)) &&
    candidateParents(parent).includes(path.dirname(folder))
  );
}

/**
 * Removes a runtime folder with its socket. Leaves it alone if it is not named like one, is a symbolic link, or
 * contains anything else. Returns false if it still exists: an empty folder left in /tmp is no reason to fail an open
 * or close.
 */
export function removeRuntimeFolder(fileSystem: FileSystem, folder: string): boolean {
  if (!namePattern.test(path.basename(folder))) {
    return false;
  }
  try {
    if (fileSystem.exists(folder)) {
      // Opening does not follow symbolic links, so this throws if the folder was replaced by one.
      fileSystem.open(folder, "read").close();
      if (fileSystem.list(folder).some((name) => name !== socketName)) {
        return false;
      }
      fileSystem.remove(path.join(folder, socketName));
      fileSystem.removeFolder(folder);
    }
    return true;
  } catch {
    return false;
  }
}
