/**
 * Reads everything readable in a record log, and reports the rest. For examining or repairing a damaged log. Opening a
 * database uses `readLog`, which stops at the first damage.
 */

import type { FastKVError } from "../errors.js";
import { checkFileHeader, type FileIdentity, fileHeaderBytes } from "../format/file-header.js";
import type { FileSystem } from "../storage/file-system.js";
import {
  findHeader,
  isTornFileHeader,
  type LogFile,
  type LogRecord,
  readRecord,
  wasSynced,
} from "./log-file.js";
import { fileMarkOf, recordHeaderBytes } from "./record-format.js";

/** A range of bytes in a log that is not a record. */
export interface LogGap {
  start: number;
  /** The start of the next complete record, or the end of the file. */
  end: number;
  what: string;
  /** A later record proves that this place was on disk: it was damaged, not cut short by a crash. */
  wasSynced: boolean;
  /** Set if the file's header is not the expected one. */
  cause?: FastKVError;
}

export interface ScanLogOptions {
  expected: FileIdentity;
  /** The payload is valid only during the call. */
  onRecord: (record: LogRecord) => void;
  /** Called in order with the records around it. Returning false ends the reading. */
  onGap: (gap: LogGap) => boolean;
}

export interface LogScan {
  sizeBytes: number;
  records: number;
}

/** Scans the whole file. Never throws because of damage. */
export function scanLog(fileSystem: FileSystem, path: string, options: ScanLogOptions): LogScan {
  const handle = fileSystem.open(path, "read");
  try {
    const file = { handle, path, sizeBytes: handle.sizeBytes(), fileMark: fileMarkOf(options.expected) };
    return { sizeBytes: file.sizeBytes, records: scanOpenLog(file, options) };
  } finally {
    handle.close();
  }
}

function scanOpenLog(file: LogFile, { expected, onRecord, onGap }: ScanLogOptions): number {
  const headerGap = checkHeader(file, expected);
  if (headerGap !== undefined && !onGap(headerGap)) {
    return 0;
  }
  const scratch = Buffer.alloc(recordHeaderBytes);
  let records = 0;
  let offset = fileHeaderBytes;
  while (offset < file.sizeBytes) {
    const record = readRecord(file, scratch, offset);
    if (typeof record !== "string") {
      onRecord(record);
      records += 1;
      offset += recordHeaderBytes + record.payload.length;
      continue;
    }
    const end = nextRecord(file, scratch, offset + 1);
    if (!onGap({ start: offset, end, what: record, wasSynced: wasSynced(file, offset) })) {
      break;
    }
    offset = end;
  }
  return records;
}

/** The header is not needed to read the records: their checksums say to which file they belong. */
function checkHeader(file: LogFile, expected: FileIdentity): LogGap | undefined {
  const target = Buffer.alloc(fileHeaderBytes);
  const bytes = target.subarray(0, file.handle.read(target, 0));
  const end = Math.min(fileHeaderBytes, file.sizeBytes);
  if (isTornFileHeader(bytes)) {
    return { start: 0, end, what: "the file header is missing", wasSynced: wasSynced(file, 0) };
  }
  try {
    checkFileHeader(bytes, file.path, expected);
    return undefined;
  } catch (error) {
    const cause = error as FastKVError;
    // Not zeros and not a short file: a crash does not leave that.
    return { start: 0, end, what: cause.damage?.what ?? cause.message, wasSynced: true, cause };
  }
}

/** Returns the start of the next complete record, or the end of the file if there is none. */
function nextRecord(file: LogFile, scratch: Buffer, start: number): number {
  for (let at = findHeader(file, start, -1); at !== undefined; at = findHeader(file, at + 1, -1)) {
    if (typeof readRecord(file, scratch, at) !== "string") {
      return at;
    }
  }
  return file.sizeBytes;
}
