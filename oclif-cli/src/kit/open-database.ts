/** Opening a database for a command, with failures that say what to do. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DurabilityMode, FastKV, ValueEncoding } from "fastkv";
import { CommandFailure, describeError, exitCode } from "./failure.js";

export interface OpenOptions {
  /** How many shards a new database gets; checked for one that is there. */
  shards?: number | undefined;
  durability?: DurabilityMode | undefined;
  encoding?: ValueEncoding | undefined;
  /** Open a folder that belongs to another user, or that others may write to, all the same. @default false */
  allowSharedFolder?: boolean | undefined;
  /** Make the database if there is none. @default true */
  create?: boolean | undefined;
}

/**
 * Opens the database at `path`. The library is imported here and not before, so that `--help` does not pay for it.
 * Signals are the commands' own business (see interrupt.ts).
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

/** As `openDatabase`, with a line on stderr where that made a new database: it may be a slip in the path. */
export async function openWithNotice(path: string, options: OpenOptions = {}): Promise<FastKV> {
  // Each database has an identity file (docs/file-formats.md of the library).
  const isNew = !existsSync(join(path, "FASTKV"));
  const db = await openDatabase(path, options);
  if (isNew) {
    process.stderr.write(`Database created at ${path}\n`);
  }
  return db;
}
