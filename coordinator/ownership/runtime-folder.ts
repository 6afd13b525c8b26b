/**
 * The private folder of one opening's socket: `fastkv-` and 8 random characters, mode 0700, with the socket `s` in
 * it and nothing else. A Unix socket's path must be short, which a database's folder need not be: hence a folder of
 * its own, in the first of these that is usable and short enough:
 *
 * 1. the caller's own choice (and then no other);
 * 2. the system's temporary folder (TMPDIR);
 * 3. XDG_RUNTIME_DIR, only after it, since it vanishes when the user logs out, under a program that goes on;
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

/** Where runtime folders may lie, in order of preference. */
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
 * Makes a fresh runtime folder. `parent` is the caller's own choice of where.
 *
 * @throws FastKVError `FASTKV_INVALID_OPTION` where a socket's path would be too long in all of the places,
 * `FASTKV_IO` where none that is short enough can be written to.
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

/** Is it named like a runtime folder, and does it lie where this program would make one? */
export function isRuntimeFolder(folder: string, parent?: string): boolean {
  return (
    path.isAbsolute(folder) &&
    namePattern.test(path.basename(folder)) &&
    candidateParents(parent).includes(path.dirname(folder))
  );
}

/**
 * Removes a runtime folder with its socket. Leaves alone what is not named like one, is a symbolic link, or holds
 * anything else. False where it is still there: an empty folder left in /tmp is no reason to fail an open or close.
 */
export function removeRuntimeFolder(fileSystem: FileSystem, folder: string): boolean {
  if (!namePattern.test(path.basename(folder))) {
    return false;
  }
  try {
    if (fileSystem.exists(folder)) {
      // Opening follows no symbolic link, so this throws where one was put in the folder's place.
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
