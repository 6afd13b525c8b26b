/** `bulk`: loads a file or stdin into the database, with progress. */

import { createReadStream, type Stats } from "node:fs";
import { access, constants, stat } from "node:fs/promises";
import type { FastKV } from "fastkv";
import { CommandFailure, describeError, exitCode } from "fastkv-cli/kit/failure";
import { startProgress } from "fastkv-cli/kit/progress";
import { loadEntries } from "../library-entries.js";
import { readEntries } from "./read-entries.js";

const chunkBytes = 256 * 1024;

export interface TransferOptions {
  signal: AbortSignal;
  /** Shows the progress, if there is a terminal. */
  progress: boolean;
}

/** Loads a file, or stdin for "-". @returns the number of entries */
export async function loadFile(db: FastKV, file: string, options: TransferOptions): Promise<number> {
  const total = await sourceBytes(file);
  const source = file === "-" ? process.stdin : createReadStream(file, { highWaterMark: chunkBytes });
  const progress = await startProgress("Loading", { enabled: options.progress });
  let readBytes = 0;
  let count = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source as AsyncIterable<Uint8Array>) {
      readBytes += chunk.length;
      progress.update(total === undefined ? count : readBytes, total);
      yield chunk;
    }
  }
  async function* entries(): ReturnType<typeof readEntries> {
    for await (const group of readEntries(counted())) {
      count += group.length;
      yield group;
    }
  }
  try {
    return await loadEntries(db, entries(), options.signal);
  } finally {
    progress.stop();
    source.destroy();
  }
}

/**
 * The size of a file; undefined for stdin, pipes and other sources without a size. @throws CommandFailure with exit
 * code 2 if it cannot be read
 */
export async function sourceBytes(file: string): Promise<number | undefined> {
  if (file === "-") {
    return undefined;
  }
  let facts: Stats;
  try {
    facts = await stat(file);
    await access(file, constants.R_OK);
  } catch (error) {
    throw new CommandFailure(`Cannot read ${file}: ${describeError(error)}`, {
      exitCode: exitCode.unusable,
      cause: error,
    });
  }
  if (facts.isDirectory()) {
    throw new CommandFailure(`${file} is a folder`, { exitCode: exitCode.unusable });
  }
  return facts.isFile() ? facts.size : undefined;
}
