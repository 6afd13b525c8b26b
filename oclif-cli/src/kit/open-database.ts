/** Opens a database for a command, with failures that say what to do. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DurabilityMode, FastKV, ValueEncoding } from "fastkv";
import { CommandFailure, describeError, exitCode } from "./failure.js";

export interface OpenOptions {
  /** The number of shards of a new database; checked against an existing one. */
  shards?: number | undefined;
  durability?: DurabilityMode | undefined;
  encoding?: ValueEncoding | undefined;
  /** Open the folder even if it belongs to another user, or if others may write to it. @default false */
  allowSharedFolder?: boolean | undefined;
  /** Create the database if there is none. @default true */
  create?: boolean | undefined;
}

/**
 * Opens the database at `path`. The library is imported only here, so that `--help` does not pay for it. Commands
 * handle signals themselves (see interrupt.ts).
 *
 * @throws CommandFailure with exit code 2
 */
export async function openDatabase(path: string, options: OpenOptions = {}): Promise<FastKV> {
  const { create = true, ...rest } = options;
  const { FastKV } = await import("fastkv");
  try {
    return await FastKV.open(path, { ...rest, createIfMissing: create, handleSignals: false });
  } catch (error) {
    throw new CommandFailure(describeError(error), { exitCode: exitCode.unusable, cause: error });
  }
}

/** Like `openDatabase`, but prints a line on stderr if a new database was created: the path may be mistyped. */
export async function openWithNotice(path: string, options: OpenOptions = {}): Promise<FastKV> {
  // Each database has an identity file (docs/file-formats.md of the library).
  const isNew = !existsSync(join(path, "FASTKV"));
  const db = await openDatabase(path, options);
  if (isNew) {
    process.stderr.write(`Database created at ${path}\n`);
  }
  return db;
}
