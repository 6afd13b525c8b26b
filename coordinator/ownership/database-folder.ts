/** Decides whether a folder is a database, may become one, or contains other files. Does not change anything in it. */

import path from "node:path";
import { excerpt } from "../../shared/bytes.js";
import { FastKVError } from "../../shared/errors.js";
import type { FileSystem } from "../../shared/storage/file-system.js";
import { identityFileName } from "./identity-file.js";
import { isOwnerName } from "./owner-files.js";
import { systemErrorCode } from "./system-error.js";

export type FolderState = "new" | "existing";

/** Names that operating systems create by themselves, for example at the root of a volume. */
const ignoredNames = new Set(["lost+found", ".DS_Store"]);
const namedInErrors = 3;
const databasePattern = /^(shard-\d{3}|batch-log.*|lost-\d{10})$/;

export type FolderVerdict =
  | { kind: FolderState }
  | { kind: "identity-missing"; names: string[] }
  | { kind: "foreign"; names: string[] };

/** Judges a folder by the names in it alone. */
export function judgeFolder(names: readonly string[]): FolderVerdict {
  if (names.includes(identityFileName)) {
    return { kind: "existing" };
  }
  const others = names.filter(
    (name) => !isOwnerName(name) && name !== `${identityFileName}.tmp` && !ignoredNames.has(name),
  );
  const foreign = others.filter((name) => !databasePattern.test(name));
  if (foreign.length > 0) {
    return { kind: "foreign", names: foreign };
  }
  return others.length > 0 ? { kind: "identity-missing", names: others } : { kind: "new" };
}

/**
 * The first step of opening: checks that the folder exists and is suitable, and creates it (mode 0700) if it is
 * missing. The result may be outdated until the folder is owned, so the identity must be read after that.
 *
 * @throws FastKVError `FASTKV_NOT_FOUND` if the folder is missing and must not be created, or its parent is missing;
 * `FASTKV_NOT_A_DATABASE` if it is not a folder, or contains other files; `FASTKV_CORRUPTION` for a database without
 * its identity file; `FASTKV_IO` if it cannot be read or created.
 */
export function prepareFolder(
  fileSystem: FileSystem,
  folder: string,
  { createIfMissing }: { createIfMissing: boolean },
): FolderState {
  let names: string[];
  try {
    names = fileSystem.list(folder);
  } catch (error) {
    names = listMissing(fileSystem, folder, createIfMissing, error);
  }
  const verdict = judgeFolder(names);
  switch (verdict.kind) {
    case "foreign":
      throw new FastKVError(
        "FASTKV_NOT_A_DATABASE",
        `The folder ${folder} holds other files (${namesExcerpt(verdict.names)}) and no database. ` +
          (createIfMissing ? "Choose an empty or a new folder." : "Give the folder of a database."),
      );
    case "identity-missing":
      throw new FastKVError(
        "FASTKV_CORRUPTION",
        `The database ${folder} has lost its identity file ${identityFileName} (it still has ${namesExcerpt(verdict.names)}). Restore the file from a backup.`,
      );
    case "new":
      if (!createIfMissing) {
        throw notFound(folder, "is empty");
      }
      return "new";
    case "existing":
      return "existing";
  }
}

/** Creates a folder that could not be listed, and returns the names in it. */
function listMissing(
  fileSystem: FileSystem,
  folder: string,
  createIfMissing: boolean,
  cause: unknown,
): string[] {
  const code = systemErrorCode(cause);
  if (code === "ENOTDIR" || (code === "ENOENT" && fileSystem.exists(folder))) {
    throw new FastKVError(
      "FASTKV_NOT_A_DATABASE",
      `${folder} is no folder (it, or a part of its path, is a file or a dangling link). Choose another path.`,
      { cause },
    );
  }
  if (code !== "ENOENT") {
    throw cause;
  }
  if (!createIfMissing) {
    throw notFound(folder, "does not exist", cause);
  }
  const parent = path.dirname(path.resolve(folder));
  try {
    fileSystem.makeFolder(folder);
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") {
      throw error;
    }
    throw new FastKVError(
      "FASTKV_NOT_FOUND",
      `Cannot make the database folder ${folder}: the folder ${parent} does not exist. Make that one first.`,
      { cause: error },
    );
  }
  fileSystem.syncFolder(parent);
  return fileSystem.list(folder);
}

function notFound(folder: string, what: string, cause?: unknown): FastKVError {
  return new FastKVError(
    "FASTKV_NOT_FOUND",
    `There is no database in ${folder}: it ${what}. Check the path.`,
    cause === undefined ? {} : { cause },
  );
}

function namesExcerpt(names: readonly string[]): string {
  const shown = names.slice(0, namedInErrors).map((name) => excerpt(name));
  return names.length > namedInErrors
    ? `${shown.join(", ")} and ${names.length - namedInErrors} more`
    : shown.join(", ");
}
