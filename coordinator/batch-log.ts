/**
 * The batch log: what makes a batch on several shards atomic. Such a batch is written here whole before it counts;
 * recovery then gives each shard what it lacks, and has a shard drop what is not here.
 *
 * Files `batch-log-<number>` in the database's folder, record logs (shared/log/record-log.ts) with
 *
 * **type 1, start** (the first record of each file): 8 bytes, the highest sequence number in any earlier file. An
 * earlier file is removed only when every shard has made its parts of all of its batches durable: so in the oldest
 * file that is left, this is the number up to which nothing needs a record any more.
 *
 * **type 3, restart** (instead of a start): the same 8 bytes, in a file that makes all earlier ones obsolete. Those may
 * still be there after a crash, with torn ends.
 *
 * **type 2, batches**: one or more batches, one behind the other; the record's first sequence number is the first
 * batch's. FROZEN (format version 1). Little-endian.
 *
 *     offset  size  field
 *          0     8  sequence number
 *          8     4  number of parts N
 *         12        N parts: shard index (4), section length L (4), a section of operations (L), whose sequence
 *                   deltas are 0 and whose operations have the flag `logged`
 */

import { readUint64, writeUint64 } from "../shared/bytes.js";
import { corruption, FastKVError } from "../shared/errors.js";
import { coordinatorIndex, type FileHeader, fileKind } from "../shared/format/file-header.js";
import { OperationReader, operationKind } from "../shared/format/operations.js";
import { RecordLogWriter, readLog } from "../shared/log/record-log.js";
import type { FileSystem } from "../shared/storage/file-system.js";

export const recordType = { start: 1, batches: 2, restart: 3 } as const;
export const namePattern = /^batch-log-(\d{6,})$/;
const temporaryPattern = /^batch-log-\d{6,}\.tmp$/;
const batchHeaderBytes = 12;
const partHeaderBytes = 8;
/** A file is left for a new one at this size. */
const rotateBytes = 32 * 1024 * 1024;
const maxGroupBytes = 8 * 1024 * 1024;

export interface BatchPart {
  shard: number;
  /** Operations with sequence delta 0 and the flag `logged`. */
  section: Buffer;
}

export interface LoggedBatch {
  sequence: number;
  parts: BatchPart[];
}

export interface LoadedBatchLog {
  /** Batches up to here are durable in every shard. */
  cutSequence: number;
  /** In order of sequence. */
  batches: LoggedBatch[];
  /** The bulk loads that were committed, as hexadecimal ids. */
  loads: string[];
  timeMs: number;
  lastSequence: number;
  files: number[];
}

export function pathOf(folder: string, fileNumber: number): string {
  return `${folder}/batch-log-${String(fileNumber).padStart(6, "0")}`;
}

export function headerOf(databaseId: Uint8Array, epoch: number, fileNumber: number): FileHeader {
  return { kind: fileKind.batchLog, databaseId, shardIndex: coordinatorIndex, epoch, fileNumber };
}

/** Reads all files of the log. Throws `FASTKV_CORRUPTION` where one is damaged or none is there. */
export function loadBatchLog(fileSystem: FileSystem, folder: string, databaseId: Uint8Array): LoadedBatchLog {
  const files = fileSystem
    .list(folder)
    .map((name) => namePattern.exec(name))
    .filter((match) => match !== null)
    .map((match) => Number(match[1]))
    .sort((a, b) => a - b);
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
  // From the newest to the oldest that is still needed. Before a file takes records, the earlier ones are synced.
  let last: string | undefined;
  for (const fileNumber of files.toReversed()) {
    const path = pathOf(folder, fileNumber);
    const file = readFile(fileSystem, path, headerOf(databaseId, 0, fileNumber), last === undefined, loaded);
    last ??= file.start === undefined ? undefined : path;
    loaded.batches.unshift(...file.batches);
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
  /** Undefined where not even the first record is whole. */
  start: number | undefined;
  isRestart: boolean;
  batches: LoggedBatch[];
}

function readFile(
  fileSystem: FileSystem,
  path: string,
  expected: FileHeader,
  mayBeTorn: boolean,
  loaded: LoadedBatchLog,
): LogFileContents {
  const file: LogFileContents = { start: undefined, isRestart: false, batches: [] };
  readLog(fileSystem, path, {
    expected,
    mayBeTorn,
    onRecord: (record) => {
      loaded.timeMs = Math.max(loaded.timeMs, record.timeMs);
      if (record.type === recordType.start || record.type === recordType.restart) {
        file.start = readUint64(record.payload, 0);
        file.isRestart = record.type === recordType.restart;
        loaded.lastSequence = Math.max(loaded.lastSequence, file.start);
      } else if (record.type === recordType.batches) {
        file.batches.push(...decodeBatches(record.payload, path, record.offset));
        loaded.lastSequence = Math.max(loaded.lastSequence, file.batches.at(-1)?.sequence ?? 0);
      } else {
        throw corruption(path, record.offset, `unknown record type ${record.type}`);
      }
      return true;
    },
  });
  return file;
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

export function decodeBatches(payload: Buffer, path: string, offset: number): LoggedBatch[] {
  const batches: LoggedBatch[] = [];
  let at = 0;
  const need = (bytes: number): void => {
    if (at + bytes > payload.length) {
      throw corruption(path, offset, "a batch does not fit into its record");
    }
  };
  while (at < payload.length) {
    need(batchHeaderBytes);
    const sequence = readUint64(payload, at);
    const count = payload.readUInt32LE(at + 8);
    at += batchHeaderBytes;
    const parts: BatchPart[] = [];
    for (let part = 0; part < count; part++) {
      need(partHeaderBytes);
      const shard = payload.readUInt32LE(at);
      const length = payload.readUInt32LE(at + 4);
      at += partHeaderBytes;
      need(length);
      parts.push({ shard, section: Buffer.from(payload.subarray(at, at + length)) });
      at += length;
    }
    batches.push({ sequence, parts });
  }
  return batches;
}

function encodeBatches(batches: readonly LoggedBatch[]): Buffer {
  const total = batches.reduce((sum, batch) => sum + batchBytes(batch), 0);
  const bytes = Buffer.allocUnsafeSlow(total);
  let at = 0;
  for (const { sequence, parts } of batches) {
    writeUint64(bytes, sequence, at);
    bytes.writeUInt32LE(parts.length, at + 8);
    at += batchHeaderBytes;
    for (const { shard, section } of parts) {
      bytes.writeUInt32LE(shard, at);
      bytes.writeUInt32LE(section.length, at + 4);
      section.copy(bytes, at + partHeaderBytes);
      at += partHeaderBytes + section.length;
    }
  }
  return bytes;
}

function batchBytes(batch: LoggedBatch): number {
  return batch.parts.reduce((sum, part) => sum + partHeaderBytes + part.section.length, batchHeaderBytes);
}

function committedLoads(batches: readonly LoggedBatch[]): string[] {
  const loads: string[] = [];
  for (const { parts } of batches) {
    const reader = new OperationReader(parts[0]?.section ?? Buffer.alloc(0));
    if (reader.next() && reader.kind === operationKind.ingest) {
      loads.push(reader.buffer.toString("hex", reader.valueStart, reader.end));
    }
  }
  return loads;
}

interface WaitingBatch {
  batch: LoggedBatch;
  sync: boolean;
  resolve(): void;
  reject(error: FastKVError): void;
}

export interface BatchLogOwner {
  nowMs(): number;
  /** The log is written or synced further than before. */
  onProgress(): void;
  /** Whether a shard has the parts up to a sequence number on disk. */
  isDurable(shard: number, sequence: number): boolean;
  /** The log can be neither written nor replaced: the database is read-only from now on. */
  onReadOnly(error: FastKVError): void;
  setTimer(call: () => void, delayMs: number): () => void;
}

export class BatchLog {
  writtenSequence: number;
  syncedSequence: number;

  readonly #fileSystem: FileSystem;
  readonly #folder: string;
  readonly #databaseId: Uint8Array;
  readonly #epoch: number;
  readonly #syncIntervalMs: number;
  readonly #owner: BatchLogOwner;
  #writer: RecordLogWriter;
  #fileNumber: number;
  /** Older files, with the last sequence number in each. */
  #older: { fileNumber: number; lastSequence: number }[] = [];
  /** Batches that are not yet durable in all of their shards, in order. */
  #unsettled: LoggedBatch[] = [];
  #waiting: WaitingBatch[] = [];
  /** Written, but their callers wait for the sync. */
  #unsynced: WaitingBatch[] = [];
  #working: Promise<void> | undefined;
  #lastSequence: number;
  #cancelTimer: (() => void) | undefined;
  #failure: FastKVError | undefined;
  /** The file has just taken another's place and has taken no batch yet: a failure now is final. */
  #isFresh = false;

  private constructor(
    environment: { fileSystem: FileSystem; folder: string; databaseId: Uint8Array; epoch: number },
    syncIntervalMs: number,
    owner: BatchLogOwner,
    start: { writer: RecordLogWriter; fileNumber: number; lastSequence: number },
  ) {
    this.#fileSystem = environment.fileSystem;
    this.#folder = environment.folder;
    this.#databaseId = environment.databaseId;
    this.#epoch = environment.epoch;
    this.#syncIntervalMs = syncIntervalMs;
    this.#owner = owner;
    this.#writer = start.writer;
    this.#fileNumber = start.fileNumber;
    this.#lastSequence = start.lastSequence;
    this.writtenSequence = start.lastSequence;
    this.syncedSequence = start.lastSequence;
  }

  /**
   * Starts a new file. All batches up to `lastSequence` must be durable in every shard: the `obsolete` files go.
   */
  static create(
    environment: { fileSystem: FileSystem; folder: string; databaseId: Uint8Array; epoch: number },
    syncIntervalMs: number,
    owner: BatchLogOwner,
    lastSequence: number,
    obsolete: readonly number[],
  ): BatchLog {
    const { fileSystem, folder } = environment;
    const fileNumber = (obsolete.at(-1) ?? 0) + 1;
    const writer = startFile(
      environment,
      fileNumber,
      { type: recordType.restart, earlierSequence: lastSequence, batches: [] },
      owner.nowMs(),
    );
    for (const old of obsolete) {
      fileSystem.remove(pathOf(folder, old));
    }
    // What a crash left of files that never got their name.
    for (const name of fileSystem.list(folder).filter((found) => temporaryPattern.test(found))) {
      fileSystem.remove(`${folder}/${name}`);
    }
    return new BatchLog(environment, syncIntervalMs, owner, { writer, fileNumber, lastSequence });
  }

  get unsettledBatches(): number {
    return this.#unsettled.length;
  }

  get sizeBytes(): number {
    return this.#writer.sizeBytes;
  }

  /** The sequence numbers that have a record, or will have one. */
  loggedSequences(): number[] {
    return this.#unsettled.map((batch) => batch.sequence);
  }

  committedLoads(): string[] {
    return committedLoads(this.#unsettled);
  }

  /** Throws where the log cannot be written any more. */
  checkWritable(): void {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
  }

  /** Takes a batch; resolves when its record is written, or with `sync` on disk. Calls come in order of sequence. */
  append(batch: LoggedBatch, sync: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#unsettled.push(batch);
      this.#waiting.push({ batch, sync, resolve, reject });
      this.#lastSequence = batch.sequence;
      this.#work();
    });
  }

  /** Drops batches that are durable everywhere, and files that hold only such. */
  prune(): void {
    let settled = 0;
    while (settled < this.#unsettled.length && this.#isSettled(this.#unsettled[settled]!)) {
      settled += 1;
    }
    if (settled > 0) {
      this.#unsettled = this.#unsettled.slice(settled);
    }
    const oldest = this.#unsettled[0]?.sequence ?? Number.POSITIVE_INFINITY;
    while (this.#older.length > 0 && this.#older[0]!.lastSequence < oldest) {
      this.#fileSystem.remove(pathOf(this.#folder, this.#older.shift()!.fileNumber));
    }
  }

  /** Has everything that was appended synced soon. */
  requestSync(): void {
    if (this.#failure === undefined && this.syncedSequence < this.#lastSequence) {
      this.#syncWanted = true;
      this.#work();
    }
  }

  /** Writes and syncs everything that was appended. */
  async flush(): Promise<void> {
    while (
      this.#failure === undefined &&
      (this.#waiting.length > 0 || this.syncedSequence < this.#lastSequence)
    ) {
      this.#syncWanted = true;
      this.#work();
      await this.#working;
    }
  }

  async close(): Promise<void> {
    this.#cancelTimer?.();
    await this.flush();
    await this.#writer.close();
  }

  #syncWanted = false;

  #isSettled({ sequence, parts }: LoggedBatch): boolean {
    return (
      sequence <= this.syncedSequence && parts.every(({ shard }) => this.#owner.isDurable(shard, sequence))
    );
  }

  #work(): void {
    this.#working ??= this.#run().finally(() => {
      this.#working = undefined;
      if (this.#waiting.length > 0 || this.#syncWanted) {
        this.#work();
      }
    });
  }

  /** Writes what waits, and syncs where somebody wants it. Never throws. */
  async #run(): Promise<void> {
    // Batches that are called in the same turn travel in the same record.
    await Promise.resolve();
    try {
      await this.#writeWaiting();
      if (this.#syncWanted || this.#unsynced.some((waiting) => waiting.sync)) {
        await this.#sync();
      } else if (this.syncedSequence < this.writtenSequence) {
        this.#startTimer();
      }
    } catch (error) {
      await this.#replaceFile(error);
    }
  }

  async #writeWaiting(): Promise<void> {
    if (this.#failure !== undefined) {
      this.#rejectAll(this.#failure);
      return;
    }
    if (this.#writer.sizeBytes >= rotateBytes) {
      await this.#sync();
      this.#rotate();
    }
    while (this.#waiting.length > 0) {
      const group = takeGroup(this.#waiting);
      const first = group[0]!.batch.sequence;
      try {
        const payload = encodeBatches(group.map((waiting) => waiting.batch));
        await this.#writer.appendAsync(recordType.batches, first, this.#owner.nowMs(), payload);
      } catch (error) {
        this.#waiting = [...group, ...this.#waiting];
        throw error;
      }
      this.#noteWritten(group);
    }
  }

  #noteWritten(group: readonly WaitingBatch[]): void {
    this.#isFresh = false;
    this.writtenSequence = group.at(-1)!.batch.sequence;
    for (const waiting of group) {
      if (waiting.sync) {
        this.#unsynced.push(waiting);
      } else {
        waiting.resolve();
      }
    }
    this.#owner.onProgress();
  }

  async #sync(): Promise<void> {
    this.#syncWanted = false;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const target = this.writtenSequence;
    await this.#writer.syncAsync();
    this.#noteSynced(target);
  }

  #noteSynced(target: number): void {
    this.syncedSequence = Math.max(this.syncedSequence, target);
    const done = this.#unsynced.filter((waiting) => waiting.batch.sequence <= target);
    this.#unsynced = this.#unsynced.filter((waiting) => waiting.batch.sequence > target);
    for (const waiting of done) {
      waiting.resolve();
    }
    this.#owner.onProgress();
    this.prune();
  }

  #startTimer(): void {
    this.#cancelTimer ??= this.#owner.setTimer(() => {
      this.#cancelTimer = undefined;
      this.#syncWanted = true;
      this.#work();
    }, this.#syncIntervalMs);
  }

  /** The file is synced whole. */
  #rotate(): void {
    const next = startFile(
      this.#environment(),
      this.#fileNumber + 1,
      { type: recordType.start, earlierSequence: this.writtenSequence, batches: [] },
      this.#owner.nowMs(),
    );
    this.#older.push({ fileNumber: this.#fileNumber, lastSequence: this.writtenSequence });
    void this.#writer.close();
    this.#writer = next;
    this.#fileNumber += 1;
    this.prune();
  }

  #environment(): { fileSystem: FileSystem; folder: string; databaseId: Uint8Array; epoch: number } {
    return {
      fileSystem: this.#fileSystem,
      folder: this.#folder,
      databaseId: this.#databaseId,
      epoch: this.#epoch,
    };
  }

  /**
   * The file cannot be written or synced. All batches that are not yet durable in their shards go into a new one;
   * where that fails too, nothing that touches several shards can be promised any more.
   */
  async #replaceFile(cause: unknown): Promise<void> {
    try {
      if (this.#isFresh) {
        throw cause;
      }
      const fileNumber = this.#fileNumber + 1;
      const settled = (this.#unsettled[0]?.sequence ?? this.#lastSequence + 1) - 1;
      const written = this.#unsettled.filter((batch) => batch.sequence <= this.writtenSequence);
      const writer = startFile(
        this.#environment(),
        fileNumber,
        { type: recordType.restart, earlierSequence: settled, batches: written },
        this.#owner.nowMs(),
      );
      // The new file has all that matters: the others go, since their ends cannot be trusted.
      for (const old of [...this.#older.map((file) => file.fileNumber), this.#fileNumber]) {
        this.#fileSystem.remove(pathOf(this.#folder, old));
      }
      this.#older = [];
      await this.#writer.close();
      this.#writer = writer;
      this.#fileNumber = fileNumber;
      this.#isFresh = true;
      this.#noteSynced(this.writtenSequence);
    } catch (second) {
      this.#failure = new FastKVError(
        "FASTKV_READ_ONLY",
        `The batch log in ${this.#folder} can be neither written (${messageOf(cause)}) nor replaced (${messageOf(second)}). The database is read-only: close it, make room or mend the disk, and open it again.`,
        { cause, writeOutcome: "in-doubt" },
      );
      this.#rejectAll(this.#failure);
      this.#owner.onReadOnly(this.#failure);
    }
  }

  #rejectAll(error: FastKVError): void {
    const all = [...this.#waiting, ...this.#unsynced];
    this.#waiting = [];
    this.#unsynced = [];
    this.#syncWanted = false;
    for (const waiting of all) {
      waiting.reject(error);
    }
  }
}

/** What a new file holds from the first moment that it has its name. */
interface FileStart {
  type: number;
  earlierSequence: number;
  batches: readonly LoggedBatch[];
}

/** Makes a file whole and durable under a temporary name, and only then gives it its own, durably too. */
export function startFile(
  environment: { fileSystem: FileSystem; folder: string; databaseId: Uint8Array; epoch: number },
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
    void writer.close();
    fileSystem.remove(temporary);
    throw error;
  }
}

function takeBatches(batches: readonly LoggedBatch[], start: number): LoggedBatch[] {
  let bytes = 0;
  let end = start;
  while (end < batches.length && (end === start || bytes < maxGroupBytes)) {
    bytes += batchBytes(batches[end]!);
    end += 1;
  }
  return batches.slice(start, end);
}

/** Takes from the front of the queue what fits into one record. */
function takeGroup(waiting: WaitingBatch[]): WaitingBatch[] {
  const count = takeBatches(
    waiting.map((one) => one.batch),
    0,
  ).length;
  return waiting.splice(0, count);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
