/** Record logs in tests: writing them, and reading back what is there. */

import { type FileHeader, fileKind } from "../../shared/format/file-header.js";
import {
  type LogContents,
  type LogRecord,
  RecordLogWriter,
  readLog,
} from "../../shared/record-log/record-log.js";
import type { FileSystem } from "../../shared/storage/file-system.js";
import type { Random } from "./random.js";

export const logPath = "/d/log";

export const logHeader: FileHeader = {
  kind: fileKind.wal,
  databaseId: new Uint8Array(16).fill(7),
  shardIndex: 1,
  fileNumber: 5,
  epoch: 3,
};

export function createLog(fileSystem: FileSystem): RecordLogWriter {
  return RecordLogWriter.create(fileSystem, logPath, logHeader);
}

export type WrittenRecord = Omit<LogRecord, "offset" | "epoch">;

export function sampleRecord(random: Random, firstSequence: number, payloadBytes: number): WrittenRecord {
  return {
    type: random.int(256),
    firstSequence,
    timeMs: 1.7e12 + random.int(1000) + 0.5,
    payload: random.bytes(payloadBytes),
  };
}

export function appendTo(log: RecordLogWriter, record: WrittenRecord): void {
  log.append(record.type, record.firstSequence, record.timeMs, record.payload);
}

export interface FoundLog extends LogContents {
  found: LogRecord[];
}

/** The contents of a log, the payloads copied. */
export function readRecords(fileSystem: FileSystem, mayBeTorn: boolean, path = logPath): FoundLog {
  const found: LogRecord[] = [];
  const contents = readLog(fileSystem, path, {
    expected: logHeader,
    mayBeTorn,
    onRecord: (record) => {
      found.push({ ...record, payload: Buffer.from(record.payload) });
      return undefined;
    },
  });
  return { ...contents, found };
}

export function sameRecord(found: LogRecord, written: WrittenRecord): boolean {
  return (
    found.type === written.type &&
    found.epoch === logHeader.epoch &&
    found.firstSequence === written.firstSequence &&
    found.timeMs === written.timeMs &&
    found.payload.equals(written.payload)
  );
}
