/**
 * What a shard does before it serves: reads the manifest, checks that every live file exists, goes through the WAL, and
 * writes a new manifest. The engine then replays the live segments that the new manifest names.
 *
 * After an unclean end the replayed WAL is written to new segments and synced before anything is promised that depends
 * on it: the old segments may hold pages that a failed sync marked clean. After a clean close the old segments stay,
 * and a new one takes the writes. Nothing is ever appended to a file of an older epoch.
 */

import { corruption, FastKVError } from "../../../shared/errors.js";
import { fileHeaderBytes, fileKind } from "../../../shared/format/file-header.js";
import { filterSection, OperationReader, type SectionPart } from "../../../shared/format/operations.js";
import { type LogRecord, type RecordLogWriter, readLog } from "../../../shared/record-log/record-log.js";
import { type FileSystem, fileSize } from "../../../shared/storage/file-system.js";
import { currentName, listFiles, type ShardFileName, tableName, walName } from "../files/file-names.js";
import { fileIdentity, type ShardIdentity } from "../files/shard-identity.js";
import {
  emptyState,
  type LoadedManifest,
  loadManifest,
  Manifest,
  type ManifestState,
} from "../version/manifest.js";
import { operationsRecordType, Wal } from "../wal/wal.js";
import { appendStart, findShortSegment, startRecordType } from "../wal/wal-start.js";

/** Which batches over several shards have a record in the batch log. */
export interface LoggedBatches {
  /** Every shard made the batches up to this sequence number durable; their records may be gone. */
  cutSequence: number;
  sequences: ReadonlySet<number>;
  /** The batch log is on disk up to this number. */
  syncedSequence: number;
}

export interface RecoveryInput {
  fileSystem: FileSystem;
  folder: string;
  shard: ShardIdentity;
  /** The database is being created: a shard without `CURRENT` is new. */
  create: boolean;
  logged: LoggedBatches;
}

export interface RecoveryReport {
  /** The shard was closed cleanly before, or is new. */
  wasClean: boolean;
  replayedRecords: number;
  replayedBytes: number;
  /** Bytes of torn tails that were cut. */
  tornBytes: number;
  /** Records dropped because a batch over several shards has no record in the batch log. */
  unloggedRecords: number;
}

export interface Recovered {
  state: ManifestState;
  manifest: Manifest;
  segment: { writer: RecordLogWriter; number: number };
  /** The highest durable sequence number of this shard. */
  lastSequence: number;
  report: RecoveryReport;
}

class FileNumbers {
  next: number;
  constructor(next: number) {
    this.next = next;
  }
  take(): number {
    this.next += 1;
    return this.next - 1;
  }
}

export function recover(input: RecoveryInput): Recovered {
  const { fileSystem, folder, shard } = input;
  const files = listFiles(fileSystem, folder);
  const loaded = loadManifest(fileSystem, folder, shard);
  if (loaded === undefined && !input.create) {
    throw corruption(`${folder}/${currentName}`, undefined, "the file is missing");
  }
  const state = loaded?.state ?? emptyState();
  if (loaded !== undefined) {
    checkIngested(loaded, input.logged);
  }
  const wasClean = loaded !== undefined && state.cleanFiles !== undefined;
  if (state.cleanFiles !== undefined) {
    checkCleanFiles(fileSystem, folder, state.cleanFiles);
  }
  checkLiveFiles(fileSystem, folder, state);
  checkSegments(input, state.logs);
  const numbers = new FileNumbers(
    files.reduce((highest, file) => Math.max(highest, file.fileNumber + 1), state.nextFileNumber),
  );
  const report: RecoveryReport = {
    wasClean: wasClean || loaded === undefined,
    replayedRecords: 0,
    replayedBytes: 0,
    tornBytes: loaded?.tornBytes ?? 0,
    unloggedRecords: 0,
  };
  const replayed = replayLogs(input, state, wasClean, numbers, report);
  const segments = [...replayed.keptLogs];
  let segment = replayed.rewritten.pop();
  for (const complete of replayed.rewritten) {
    complete.writer.release();
  }
  if (segment === undefined) {
    const number = numbers.take();
    segment = { writer: Wal.createSegment(fileSystem, folder, shard, number), number };
    const before = segments.at(-1);
    if (before !== undefined) {
      const sizeBytes = fileSize(fileSystem, `${folder}/${walName(before)}`);
      appendStart(segment.writer, { number: before, sizeBytes }, replayed.timeMs);
    }
    segment.writer.sync();
    segments.push(number);
  }
  const manifestNumber = numbers.take();
  const recovered: ManifestState = {
    ...state,
    logs: segments,
    logNumber: segments[0]!,
    nextFileNumber: numbers.next,
    timeMs: replayed.timeMs,
    cleanFiles: undefined,
  };
  const manifest = Manifest.create(fileSystem, folder, shard, manifestNumber, recovered);
  removeStaleLogs(fileSystem, folder, files, new Set(segments), manifestNumber);
  return {
    state: recovered,
    manifest,
    segment,
    lastSequence: Math.max(state.flushedSequence, replayed.lastSequence),
    report,
  };
}

/**
 * A bulk load enters the manifest only once its record is on disk in the batch log: if the record is missing, it was
 * lost.
 */
function checkIngested({ state, manifestPath }: LoadedManifest, logged: LoggedBatches): void {
  const lost = findUnlogged(state.ingested, logged.cutSequence, logged.sequences);
  if (lost !== undefined) {
    throw corruption(
      manifestPath,
      undefined,
      `bulk load ${lost} is in force and has no record in the batch log`,
    );
  }
}

/** The first of these batches that needs a record in the batch log and has none. */
export function findUnlogged(
  sequences: readonly number[],
  cutSequence: number,
  logged: ReadonlySet<number>,
): number | undefined {
  return sequences.find((sequence) => sequence > cutSequence && !logged.has(sequence));
}

function checkCleanFiles(fileSystem: FileSystem, folder: string, files: Record<string, number>): void {
  for (const [name, sizeBytes] of Object.entries(files)) {
    const path = `${folder}/${name}`;
    if (!fileSystem.exists(path)) {
      throw corruption(path, undefined, "a live file is missing");
    }
    const found = fileSize(fileSystem, path);
    if (found !== sizeBytes) {
      throw corruption(path, Math.min(found, sizeBytes), `the file has ${found} bytes, not ${sizeBytes}`);
    }
  }
}

function checkLiveFiles(fileSystem: FileSystem, folder: string, state: ManifestState): void {
  for (const table of state.version.tables()) {
    const path = `${folder}/${tableName(table.fileNumber)}`;
    if (!fileSystem.exists(path)) {
      throw corruption(path, undefined, "a live table is missing");
    }
    const found = fileSize(fileSystem, path);
    if (found !== table.sizeBytes) {
      throw corruption(
        path,
        Math.min(found, table.sizeBytes),
        `the table has ${found} bytes, not ${table.sizeBytes}`,
      );
    }
  }
  for (const log of state.logs) {
    if (!fileSystem.exists(`${folder}/${walName(log)}`)) {
      throw corruption(`${folder}/${walName(log)}`, undefined, "a live WAL segment is missing");
    }
  }
}

/** Checks that all live segments except the last are whole. */
function checkSegments({ fileSystem, folder, shard }: RecoveryInput, logs: readonly number[]): void {
  const short = findShortSegment(fileSystem, folder, shard, logs);
  if (short !== undefined) {
    const { number, sizeBytes, expectedBytes } = short;
    throw corruption(
      `${folder}/${walName(number)}`,
      Math.min(sizeBytes, expectedBytes),
      `the segment has ${sizeBytes} bytes, not ${expectedBytes}`,
    );
  }
}

interface Replayed {
  /** The live segments from now on: the old ones after a clean close, otherwise the rewritten ones. */
  keptLogs: number[];
  rewritten: { writer: RecordLogWriter; number: number }[];
  lastSequence: number;
  timeMs: number;
}

function replayLogs(
  input: RecoveryInput,
  state: ManifestState,
  wasClean: boolean,
  numbers: FileNumbers,
  report: RecoveryReport,
): Replayed {
  const { fileSystem, folder, shard } = input;
  const replayed: Replayed = { keptLogs: [], rewritten: [], lastSequence: 0, timeMs: state.timeMs };
  const lastUsed = lastUsedLog(fileSystem, folder, state.logs);
  let isCut = false;
  for (const log of state.logs) {
    const path = `${folder}/${walName(log)}`;
    /** The segment for the records replayed from this one; made when the first such record comes. */
    let number = wasClean ? log : 0;
    let writer: RecordLogWriter | undefined;
    let hasWrites = false;
    const contents = readLog(fileSystem, path, {
      expected: fileIdentity(shard, fileKind.wal, log),
      mayBeTorn: !wasClean && log >= lastUsed,
      onRecord: (record) => {
        if (record.type === startRecordType) {
          return true;
        }
        const unlogged = isCut ? record.firstSequence : firstUnlogged(record, path, input.logged);
        const kept = keepBelow(record, unlogged);
        if (kept === undefined || unlogged !== Number.POSITIVE_INFINITY) {
          if (wasClean) {
            throw corruption(path, record.offset, "a batch of several shards has no record in the batch log");
          }
          isCut = true;
          report.unloggedRecords += 1;
        }
        if (kept === undefined) {
          return true;
        }
        hasWrites = true;
        if (!wasClean && writer === undefined) {
          number = numbers.take();
          writer = Wal.createSegment(fileSystem, folder, shard, number);
          const before = replayed.rewritten.at(-1);
          if (before !== undefined) {
            appendStart(writer, { number: before.number, sizeBytes: before.writer.sizeBytes }, record.timeMs);
          }
        }
        writer?.append(record.type, kept.firstSequence, record.timeMs, kept.section);
        replayed.lastSequence = Math.max(replayed.lastSequence, kept.lastSequence);
        replayed.timeMs = Math.max(replayed.timeMs, record.timeMs);
        report.replayedRecords += 1;
        report.replayedBytes += kept.section.length;
        return true;
      },
    });
    report.tornBytes += contents.tornBytes;
    if (hasWrites && number > 0) {
      replayed.keptLogs.push(number);
    }
    if (writer !== undefined) {
      writer.sync();
      replayed.rewritten.push({ writer, number });
    }
  }
  return replayed;
}

/** The last segment that holds a record. A prepared segment after it has taken no write yet, so it may end torn. */
export function lastUsedLog(fileSystem: FileSystem, folder: string, logs: readonly number[]): number {
  return logs.findLast((log) => fileSize(fileSystem, `${folder}/${walName(log)}`) > fileHeaderBytes) ?? 0;
}

/** The sequence number of the first batch part that has no record in the batch log; infinity if there is none. */
function firstUnlogged(record: LogRecord, path: string, logged: LoggedBatches): number {
  if (record.type !== operationsRecordType) {
    throw corruption(path, record.offset, `unknown record type ${record.type}`);
  }
  const reader = new OperationReader(record.payload);
  try {
    while (reader.next()) {
      const sequence = record.firstSequence + reader.sequenceDelta;
      if (reader.logged && sequence > logged.cutSequence && !logged.sequences.has(sequence)) {
        return sequence;
      }
    }
  } catch (cause) {
    throw cause instanceof FastKVError ? corruption(path, record.offset, cause.message, cause) : cause;
  }
  return Number.POSITIVE_INFINITY;
}

/** The operations of a record below a sequence number: they were called, and perhaps acknowledged, before the batch. */
function keepBelow(record: LogRecord, sequence: number): SectionPart | undefined {
  return filterSection(record.payload, record.firstSequence, (_, own) => own < sequence);
}

/**
 * Removes old manifests, temporary files and WAL segments that are not live. Tables stay: they may belong to a bulk
 * load.
 */
function removeStaleLogs(
  fileSystem: FileSystem,
  folder: string,
  files: readonly ShardFileName[],
  liveLogs: ReadonlySet<number>,
  manifestNumber: number,
): void {
  for (const file of files) {
    const isStale =
      file.kind === "temporary" ||
      (file.kind === "wal" && !liveLogs.has(file.fileNumber)) ||
      (file.kind === "manifest" && file.fileNumber !== manifestNumber);
    if (isStale) {
      fileSystem.remove(`${folder}/${file.name}`);
    }
  }
}
