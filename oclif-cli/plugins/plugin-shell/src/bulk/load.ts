/** `bulk`: a file or stdin into the database, with progress. */

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { FastKV } from "fastkv";
import { CommandFailure, describeError } from "fastkv-cli/kit/failure";
import { startProgress } from "fastkv-cli/kit/progress";
import { loadEntries } from "../library-entries.js";
import { readEntries } from "./read-entries.js";

const chunkBytes = 256 * 1024;

export interface TransferOptions {
  signal: AbortSignal;
  /** Show how far it is, where there is a terminal. */
  progress: boolean;
}

/** Loads a file, or stdin for "-". @returns the number of entries */
export async function loadFile(db: FastKV, file: string, options: TransferOptions): Promise<number> {
  const total = file === "-" ? undefined : await fileBytes(file);
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

async function fileBytes(file: string): Promise<number> {
  try {
    const facts = await stat(file);
    if (facts.isDirectory()) {
      throw new CommandFailure(`${file} is a folder`);
    }
    return facts.size;
  } catch (error) {
    throw error instanceof CommandFailure
      ? error
      : new CommandFailure(`Cannot read ${file}: ${describeError(error)}`, { cause: error });
  }
}
