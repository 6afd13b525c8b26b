import { corruption, type FastKVError } from "../../shared/errors.js";
import { OperationReader, operationKind } from "../../shared/format/operations.js";
import { shardOfKey } from "../../shared/hash.js";
import type { Findings } from "../../shared/maintenance/finding.js";
import type { LogRecord } from "../../shared/record-log/log-file.js";
import { scanLog } from "../../shared/record-log/record-scan.js";
import type { FileSystem } from "../../shared/storage/file-system.js";
import {
  decodeBatches,
  decodeStart,
  headerOf,
  type LoggedBatch,
  namePattern,
  pathOf,
  recordType,
} from "../batch-log/log-format.js";

export interface ExaminedBatchLog {
  /** Whether no record is known to be lost. */
  isWhole: boolean;
  cutSequence: number;
  /** The highest sequence number in any record. */
  lastSequence: number;
  timeMs: number;
  /** In order of sequence. */
  batches: LoggedBatch[];
  /** The numbers of all files, ascending. */
  files: number[];
  bytes: number;
}

interface LogFolder {
  fileSystem: FileSystem;
  folder: string;
  databaseId: Uint8Array;
  shards: number;
  findings: Findings;
}

interface FileContents {
  start: number | undefined;
  isRestart: boolean;
  batches: LoggedBatch[];
}

/** Reads everything readable in the log, by the rules of `loadBatchLog`, and reports what is wrong with it. */
export function examineBatchLog(input: LogFolder): ExaminedBatchLog {
  const { fileSystem, folder, findings } = input;
  const files = fileSystem
    .list(folder)
    .map((name) => namePattern.exec(name))
    .filter((match) => match !== null)
    .map((match) => Number(match[1]))
    .sort((a, b) => a - b);
  const log: ExaminedBatchLog = {
    isWhole: true,
    cutSequence: 0,
    lastSequence: 0,
    timeMs: 0,
    batches: [],
    files,
    bytes: 0,
  };
  const damagesBefore = findings.damages;
  let hasStart = false;
  let isObsolete = false;
  let laterStart: number | undefined;
  for (const fileNumber of files.toReversed()) {
    if (isObsolete) {
      findings.note(
        nameOf(folder, fileNumber),
        "a later file makes this one obsolete; the next start removes it",
      );
      continue;
    }
    const contents = examineFile(input, fileNumber, !hasStart, log);
    const lastInFile = Math.max(contents.batches.at(-1)?.sequence ?? 0, contents.start ?? 0);
    if (laterStart !== undefined && lastInFile < laterStart) {
      findings.damage(nameOf(folder, fileNumber), `batches up to ${laterStart} are missing at its end`);
    }
    laterStart = contents.start;
    log.batches = contents.batches.concat(log.batches);
    if (contents.start !== undefined) {
      hasStart = true;
      log.cutSequence = contents.start;
    }
    isObsolete = contents.isRestart;
  }
  if (!hasStart) {
    const name = nameOf(folder, files.at(-1) ?? 1);
    findings.damage(
      name,
      files.length === 0 ? "the batch log is missing" : "the batch log has no whole record",
    );
  }
  log.isWhole = findings.damages === damagesBefore;
  checkOrder(log.batches, findings, nameOf(folder, files[0] ?? 1));
  return log;
}

function nameOf(folder: string, fileNumber: number): string {
  return pathOf(folder, fileNumber).slice(folder.length + 1);
}

function examineFile(
  input: LogFolder,
  fileNumber: number,
  mayBeTorn: boolean,
  log: ExaminedBatchLog,
): FileContents {
  const { fileSystem, folder, databaseId, findings } = input;
  const path = pathOf(folder, fileNumber);
  const name = nameOf(folder, fileNumber);
  const contents: FileContents = { start: undefined, isRestart: false, batches: [] };
  const { sizeBytes } = scanLog(fileSystem, path, {
    expected: headerOf(databaseId, 0, fileNumber),
    onRecord: (record) => {
      log.timeMs = Math.max(log.timeMs, record.timeMs);
      try {
        takeRecord(record, path, contents, input);
      } catch (error) {
        findings.damageOf(error);
      }
    },
    onGap: ({ start, end, what, wasSynced, cause }) => {
      if (cause?.code === "FASTKV_UNSUPPORTED_FORMAT") {
        throw cause;
      }
      if (mayBeTorn && !wasSynced) {
        findings.note(name, "torn tail: what a crash cut short, or damage at the very end", {
          offset: start,
        });
        return false;
      }
      findings.damage(name, `${what} (${end - start} bytes cannot be read)`, { offset: start });
      return true;
    },
  });
  log.bytes += sizeBytes;
  log.lastSequence = Math.max(log.lastSequence, contents.start ?? 0, contents.batches.at(-1)?.sequence ?? 0);
  return contents;
}

function takeRecord(record: LogRecord, path: string, contents: FileContents, input: LogFolder): void {
  const { type, offset, payload } = record;
  if (type === recordType.start || type === recordType.restart) {
    contents.start = decodeStart(payload, path, offset);
    contents.isRestart = type === recordType.restart;
  } else if (type === recordType.batches) {
    const batches = decodeBatches(payload, path, offset);
    for (const batch of batches) {
      checkBatch(batch, path, offset, input);
      contents.batches.push(batch);
    }
  } else {
    throw corruption(path, offset, `unknown record type ${type}`);
  }
}

/** Checks that every part names an existing shard, and has only keys of that shard. */
function checkBatch({ sequence, parts }: LoggedBatch, path: string, offset: number, input: LogFolder): void {
  const fail = (what: string): FastKVError => corruption(path, offset, `batch ${sequence}: ${what}`);
  for (const { shard, section } of parts) {
    if (shard >= input.shards) {
      throw fail(`it names shard ${shard} of ${input.shards}`);
    }
    const reader = new OperationReader(section);
    while (reader.next()) {
      const isKeyed = reader.kind === operationKind.put || reader.kind === operationKind.delete;
      const key = section.subarray(reader.keyStart, reader.valueStart);
      if (isKeyed && shardOfKey(key, key.length, input.shards) !== shard) {
        throw fail(`a key of another shard is in the part of shard ${shard}`);
      }
    }
  }
}

function checkOrder(batches: readonly LoggedBatch[], findings: Findings, name: string): void {
  for (let at = 1; at < batches.length; at++) {
    const { sequence } = batches[at]!;
    const previous = batches[at - 1]!.sequence;
    if (sequence <= previous) {
      findings.damage(name, `batch ${sequence} stands behind batch ${previous}`);
      return;
    }
  }
}
