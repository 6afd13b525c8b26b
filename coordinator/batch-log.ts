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

const recordType = { start: 1, batches: 2 } as const;
const namePattern = /^batch-log-(\d{6,})$/;
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

function pathOf(folder: string, fileNumber: number): string {
  return `${folder}/batch-log-${String(fileNumber).padStart(6, "0")}`;
}

function headerOf(databaseId: Uint8Array, epoch: number, fileNumber: number): FileHeader {
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
  files.forEach((fileNumber, at) => {
    const path = pathOf(folder, fileNumber);
    readLog(fileSystem, path, {
      expected: headerOf(databaseId, 0, fileNumber),
      mayBeTorn: at === files.length - 1,
      onRecord: (record) => {
        loaded.timeMs = Math.max(loaded.timeMs, record.timeMs);
        if (record.type === recordType.start) {
          const earlier = readUint64(record.payload, 0);
          loaded.cutSequence = at === 0 ? earlier : loaded.cutSequence;
          loaded.lastSequence = Math.max(loaded.lastSequence, earlier);
        } else if (record.type === recordType.batches) {
          for (const batch of decodeBatches(record.payload, path, record.offset)) {
            loaded.batches.push(batch);
            loaded.lastSequence = Math.max(loaded.lastSequence, batch.sequence);
          }
        } else {
          throw corruption(path, record.offset, `unknown record type ${record.type}`);
        }
        return true;
      },
    });
  });
  loaded.loads = committedLoads(loaded.batches);
  return loaded;
}

function decodeBatches(payload: Buffer, path: string, offset: number): LoggedBatch[] {
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
    const writer = startFile(environment, fileNumber, lastSequence, owner.nowMs());
    for (const old of obsolete) {
      fileSystem.remove(pathOf(folder, old));
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
      this.writtenSequence,
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
      const writer = startFile(this.#environment(), fileNumber, settled, this.#owner.nowMs());
      const written = this.#unsettled.filter((batch) => batch.sequence <= this.writtenSequence);
      for (let at = 0; at < written.length; ) {
        const group = takeBatches(written, at);
        at += group.length;
        writer.append(recordType.batches, group[0]!.sequence, this.#owner.nowMs(), encodeBatches(group));
      }
      writer.sync();
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

function startFile(
  environment: { fileSystem: FileSystem; folder: string; databaseId: Uint8Array; epoch: number },
  fileNumber: number,
  earlierSequence: number,
  nowMs: number,
): RecordLogWriter {
  const { fileSystem, folder, databaseId, epoch } = environment;
  const path = pathOf(folder, fileNumber);
  // A number may have been tried before, when there was no room.
  fileSystem.remove(path);
  const writer = RecordLogWriter.create(fileSystem, path, headerOf(databaseId, epoch, fileNumber));
  try {
    const start = Buffer.alloc(8);
    writeUint64(start, earlierSequence, 0);
    writer.append(recordType.start, 0, nowMs, start);
    writer.sync();
    fileSystem.syncFolder(folder);
    return writer;
  } catch (error) {
    void writer.close();
    fileSystem.remove(path);
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
