/** Reads the batch log when a database is opened. */

import { corruption } from "../../shared/errors.js";
import type { FileHeader } from "../../shared/format/file-header.js";
import { readLog } from "../../shared/record-log/record-log.js";
import type { FileSystem } from "../../shared/storage/file-system.js";
import {
  committedLoads,
  decodeBatches,
  decodeStart,
  headerOf,
  type LoggedBatch,
  namePattern,
  pathOf,
  recordType,
} from "./log-format.js";

export interface LoadedBatchLog {
  /** Up to this number, only `batches` still need their records: shards may lack parts of these. */
  cutSequence: number;
  /** In order of sequence. */
  batches: LoggedBatch[];
  /** The committed bulk loads, as hexadecimal ids. */
  loads: string[];
  timeMs: number;
  lastSequence: number;
  files: number[];
}

function listLogFiles(fileSystem: FileSystem, folder: string): number[] {
  return fileSystem
    .list(folder)
    .map((name) => namePattern.exec(name))
    .filter((match) => match !== null)
    .map((match) => Number(match[1]))
    .sort((a, b) => a - b);
}

export function hasBatchLog(fileSystem: FileSystem, folder: string): boolean {
  return listLogFiles(fileSystem, folder).length > 0;
}

/** Reads all files of the log. Throws `FASTKV_CORRUPTION` if one is damaged or there is none. */
export function loadBatchLog(fileSystem: FileSystem, folder: string, databaseId: Uint8Array): LoadedBatchLog {
  const files = listLogFiles(fileSystem, folder);
  if (files.length === 0) {
    throw corruption(pathOf(folder, 1), undefined, "the batch log is missing");
  }
  const loaded: LoadedBatchLog = {
    cutSequence: 0,
    batches: [],
    loads: [],
    timeMs: 0,
    lastSequence: 0,
    files,
  };
  // From the newest file to the oldest that is still needed. Earlier files are synced before a later one takes records.
  let last: string | undefined;
  let laterStart: number | undefined;
  for (const fileNumber of files.toReversed()) {
    const path = pathOf(folder, fileNumber);
    const file = readFile(fileSystem, path, headerOf(databaseId, 0, fileNumber), last === undefined, loaded);
    last ??= file.start === undefined ? undefined : path;
    const lastInFile = Math.max(file.batches.at(-1)?.sequence ?? 0, file.start ?? 0);
    if (laterStart !== undefined && lastInFile < laterStart) {
      throw corruption(path, file.sizeBytes, `batches up to ${laterStart} are missing at its end`);
    }
    laterStart = file.start;
    // There may be too many to pass as arguments on the stack.
    loaded.batches = file.batches.concat(loaded.batches);
    if (file.start !== undefined) {
      loaded.cutSequence = file.start;
    }
    if (file.isRestart) {
      break;
    }
  }
  if (last === undefined) {
    throw corruption(pathOf(folder, files.at(-1)!), undefined, "the batch log has no whole record");
  }
  syncFile(fileSystem, last);
  loaded.loads = committedLoads(loaded.batches);
  return loaded;
}

interface LogFileContents {
  /** Undefined if not even the first record is complete. */
  start: number | undefined;
  isRestart: boolean;
  batches: LoggedBatch[];
  sizeBytes: number;
}

function readFile(
  fileSystem: FileSystem,
  path: string,
  expected: FileHeader,
  mayBeTorn: boolean,
  loaded: LoadedBatchLog,
): LogFileContents {
  const file: LogFileContents = { start: undefined, isRestart: false, batches: [], sizeBytes: 0 };
  const { validBytes } = readLog(fileSystem, path, {
    expected,
    mayBeTorn,
    onRecord: (record) => {
      loaded.timeMs = Math.max(loaded.timeMs, record.timeMs);
      if (record.type === recordType.start || record.type === recordType.restart) {
        file.start = decodeStart(record.payload, path, record.offset);
        file.isRestart = record.type === recordType.restart;
        loaded.lastSequence = Math.max(loaded.lastSequence, file.start);
      } else if (record.type === recordType.batches) {
        const batches = decodeBatches(record.payload, path, record.offset);
        checkOrder(batches, file.batches.at(-1)?.sequence ?? 0, path, record.offset);
        for (const batch of batches) {
          file.batches.push(batch);
        }
        loaded.lastSequence = Math.max(loaded.lastSequence, file.batches.at(-1)?.sequence ?? 0);
      } else {
        throw corruption(path, record.offset, `unknown record type ${record.type}`);
      }
      return true;
    },
  });
  return { ...file, sizeBytes: validBytes };
}

/** Batches must be in the order of their sequence numbers. */
function checkOrder(batches: readonly LoggedBatch[], before: number, path: string, offset: number): void {
  let last = before;
  for (const { sequence } of batches) {
    if (sequence <= last) {
      throw corruption(path, offset, `batch ${sequence} stands behind ${last}`);
    }
    last = sequence;
  }
}

/** After kill -9 the last records may not be on disk yet, and shards are about to be told that they are. */
function syncFile(fileSystem: FileSystem, path: string): void {
  const handle = fileSystem.open(path, "update");
  try {
    handle.sync();
  } finally {
    handle.close();
  }
}
