/** The files of the batch log: each is whole and durable before it has its name. */

import { writeUint64 } from "../../shared/bytes.js";
import { RecordLogWriter } from "../../shared/log/record-log.js";
import type { FileSystem } from "../../shared/storage/file-system.js";
import { batchBytes, encodeBatches, headerOf, type LoggedBatch, pathOf, recordType } from "./log-format.js";

const maxGroupBytes = 8 * 1024 * 1024;

/** Where a log lies, and whose it is. */
export interface LogEnvironment {
  fileSystem: FileSystem;
  folder: string;
  databaseId: Uint8Array;
  epoch: number;
}

/** What a new file holds from the first moment that it has its name. */
export interface FileStart {
  type: number;
  earlierSequence: number;
  batches: readonly LoggedBatch[];
}

/** Makes a file whole and durable under a temporary name, and only then gives it its own, durably too. */
export function startFile(
  environment: LogEnvironment,
  fileNumber: number,
  { type, earlierSequence, batches }: FileStart,
  nowMs: number,
): RecordLogWriter {
  const { fileSystem, folder, databaseId, epoch } = environment;
  const path = pathOf(folder, fileNumber);
  const temporary = `${path}.tmp`;
  // One may be left of an earlier attempt.
  fileSystem.remove(temporary);
  const writer = RecordLogWriter.create(fileSystem, temporary, headerOf(databaseId, epoch, fileNumber));
  try {
    const start = Buffer.alloc(8);
    writeUint64(start, earlierSequence, 0);
    writer.append(type, 0, nowMs, start);
    for (let at = 0; at < batches.length; ) {
      const group = takeBatches(batches, at);
      at += group.length;
      writer.append(recordType.batches, group[0]!.sequence, nowMs, encodeBatches(group));
    }
    writer.sync();
    fileSystem.rename(temporary, path);
    fileSystem.syncFolder(folder);
    return writer;
  } catch (error) {
    writer.release();
    fileSystem.remove(temporary);
    throw error;
  }
}

/** What fits into one record, from `start` on. */
export function takeBatches(batches: readonly LoggedBatch[], start: number): LoggedBatch[] {
  let bytes = 0;
  let end = start;
  while (end < batches.length && (end === start || bytes < maxGroupBytes)) {
    bytes += batchBytes(batches[end]!);
    end += 1;
  }
  return batches.slice(start, end);
}
