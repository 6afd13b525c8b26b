/** Creates the files of the batch log: each is complete and durable before it has its name. */

import { writeUint64 } from "../../shared/bytes.js";
import { RecordLogWriter } from "../../shared/record-log/record-log.js";
import type { FileSystem } from "../../shared/storage/file-system.js";
import { batchBytes, encodeBatches, headerOf, type LoggedBatch, pathOf, recordType } from "./log-format.js";

const maxGroupBytes = 8 * 1024 * 1024;

/** Where a log is, and to which database it belongs. */
export interface LogEnvironment {
  fileSystem: FileSystem;
  folder: string;
  databaseId: Uint8Array;
  epoch: number;
}

/** The content of a new file from the moment it has its name. */
export interface FileStart {
  type: number;
  earlierSequence: number;
  batches: readonly LoggedBatch[];
}

/** Writes a file completely and durably under a temporary name, then renames it, also durably. */
export async function startFile(
  environment: LogEnvironment,
  fileNumber: number,
  { type, earlierSequence, batches }: FileStart,
  nowMs: number,
): Promise<RecordLogWriter> {
  const { fileSystem, folder, databaseId, epoch } = environment;
  const path = pathOf(folder, fileNumber);
  const temporary = `${path}.tmp`;
  // A previous attempt may have left one.
  await fileSystem.removeAsync(temporary);
  const writer = RecordLogWriter.create(fileSystem, temporary, headerOf(databaseId, epoch, fileNumber));
  try {
    const start = Buffer.alloc(8);
    writeUint64(start, earlierSequence, 0);
    writer.append(type, 0, nowMs, start);
    for (let at = 0; at < batches.length; ) {
      const group = takeBatches(batches, at);
      at += group.length;
      await writer.appendAsync(recordType.batches, group[0]!.sequence, nowMs, encodeBatches(group));
    }
    await writer.syncAsync();
    fileSystem.rename(temporary, path);
    await fileSystem.syncFolderAsync(folder);
    return writer;
  } catch (error) {
    writer.release();
    await fileSystem.removeAsync(temporary).catch(() => undefined);
    throw error;
  }
}

/** Returns the batches from `start` on that fit into one record. */
export function takeBatches(batches: readonly LoggedBatch[], start: number): LoggedBatch[] {
  let bytes = 0;
  let end = start;
  while (end < batches.length && (end === start || bytes < maxGroupBytes)) {
    bytes += batchBytes(batches[end]!);
    end += 1;
  }
  return batches.slice(start, end);
}
