/** `export`: writes the database, or a range of it, as JSON lines. */

import { createWriteStream } from "node:fs";
import { lstat, realpath, rename, rm, stat } from "node:fs/promises";
import { finished } from "node:stream/promises";
import type { FastKV, ScanOptions } from "fastkv";
import { CommandFailure, describeError } from "fastkv-cli/kit/failure";
import { LineWriter } from "fastkv-cli/kit/output";
import { startProgress } from "fastkv-cli/kit/progress";
import { storedEntries } from "../library-entries.js";
import { entryToLine } from "./entry.js";
import type { TransferOptions } from "./load.js";

/** @returns the number of entries */
export async function exportToOutput(
  db: FastKV,
  range: ScanOptions,
  output: LineWriter,
  signal: AbortSignal,
  onEntry?: (count: number) => void,
): Promise<number> {
  let count = 0;
  for await (const entry of storedEntries(db, { ...range, signal })) {
    signal.throwIfAborted();
    await output.line(entryToLine(entry));
    count++;
    onEntry?.(count);
  }
  await output.flush();
  return count;
}

/**
 * Writes to a temporary file in the same folder first, so that the file is either complete or the old one. Only its
 * owner may read it.
 */
export async function exportToFile(
  db: FastKV,
  range: ScanOptions,
  file: string,
  options: TransferOptions,
): Promise<number> {
  const { target, temporary } = await destination(file);
  const flags = temporary === undefined ? "w" : "wx";
  const stream = createWriteStream(temporary ?? target, {
    flags,
    mode: 0o600,
    flush: temporary !== undefined,
  });
  const written = finished(stream);
  written.catch(() => {});
  const progress = await startProgress("Exporting", { enabled: options.progress });
  try {
    const count = await exportToOutput(db, range, new LineWriter(stream), options.signal, (done) =>
      progress.update(done, undefined),
    );
    stream.end();
    await written;
    if (temporary !== undefined) {
      await rename(temporary, target);
    }
    return count;
  } catch (error) {
    stream.destroy();
    if (temporary !== undefined) {
      await rm(temporary, { force: true });
    }
    const cause = stream.errored ?? error;
    if (options.signal.aborted || !(cause instanceof Error && "syscall" in cause)) {
      throw error;
    }
    const reason = describeError(cause).replace(temporary ?? target, file);
    throw new CommandFailure(`Cannot write ${file}: ${reason}`, { cause });
  } finally {
    progress.stop();
  }
}

/**
 * Something that is not a file, such as a pipe or a device, is written to directly, and so is a link to nothing. If the
 * name is a link to a file, the file is replaced, not the link.
 */
async function destination(file: string): Promise<{ target: string; temporary: string | undefined }> {
  const [entry, facts] = await Promise.all([
    lstat(file).catch(() => undefined),
    stat(file).catch(() => undefined),
  ]);
  if (entry !== undefined && !facts?.isFile()) {
    return { target: file, temporary: undefined };
  }
  const target = entry === undefined ? file : await realpath(file);
  return { target, temporary: `${target}.${process.pid}.part` };
}
