/** Writing and reading a record log; record-format.ts has its form. */

import { corruption, FastKVError, invariant, type WriteOutcome } from "../errors.js";
import {
  checkFileHeader,
  encodeFileHeader,
  type FileHeader,
  type FileIdentity,
  fileHeaderBytes,
} from "../format/file-header.js";
import type { FileHandle, FileSystem } from "../storage/file-system.js";
import { isTornFileHeader, type LogFile, type LogRecord, readRecord, wasSynced } from "./log-file.js";
import { encodeRecordHeader, fileMarkOf, recordHeaderBytes } from "./record-format.js";

export type { LogRecord } from "./log-file.js";

const gatherLimitBytes = 512 * 1024;

/**
 * Appends records to a file of its own. The owner says when to sync; a failed write is cut back to the last whole
 * record and thrown, so that the log stays whole and may be tried again; a failed cut or sync is final.
 */
export class RecordLogWriter {
  readonly path: string;
  /** Bytes written, header included. */
  sizeBytes = fileHeaderBytes;
  /** Never goes back. */
  syncedBytes = 0;
  /** Set where the file can no longer be trusted; every later call throws it. */
  failure: unknown;
  /** Failed writes that were cut back, and how many of the cuts are on disk. */
  #cuts = 0;
  #syncedCuts = 0;

  readonly #handle: FileHandle;
  readonly #epoch: number;
  readonly #fileMark: number;
  #scratch = Buffer.allocUnsafeSlow(64 * 1024);
  #pendingAppend: Promise<void> | undefined;
  #pendingSync: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  private constructor(handle: FileHandle, header: FileHeader) {
    this.#handle = handle;
    this.path = handle.path;
    this.#epoch = header.epoch;
    this.#fileMark = fileMarkOf(header);
  }

  /** Creates the file with its header. The file and its folder still have to be synced. */
  static create(fileSystem: FileSystem, path: string, header: FileHeader): RecordLogWriter {
    const headerBytes = encodeFileHeader(header);
    const handle = fileSystem.create(path);
    try {
      handle.write(headerBytes, 0);
    } catch (error) {
      handle.close();
      fileSystem.remove(path);
      throw error;
    }
    return new RecordLogWriter(handle, header);
  }

  /** Not while an `appendAsync` is under way. */
  append(type: number, firstSequence: number, timeMs: number, payload: Buffer): void {
    this.#checkMayAppend();
    const total = recordHeaderBytes + payload.length;
    const isGathered = total <= gatherLimitBytes;
    if (isGathered && this.#scratch.length < total) {
      this.#scratch = Buffer.allocUnsafeSlow(gatherLimitBytes);
    }
    this.#encodeHeader(this.#scratch, type, firstSequence, timeMs, payload);
    try {
      if (isGathered) {
        payload.copy(this.#scratch, recordHeaderBytes);
        this.#handle.write(this.#scratch.subarray(0, total), this.sizeBytes);
      } else {
        this.#handle.write(this.#scratch.subarray(0, recordHeaderBytes), this.sizeBytes);
        this.#handle.write(payload, this.sizeBytes + recordHeaderBytes);
      }
    } catch (error) {
      throw this.#cutBack(error);
    }
    this.sizeBytes += total;
  }

  /** Like `append`, in the thread pool. The caller awaits one before it starts the next append of either kind. */
  async appendAsync(type: number, firstSequence: number, timeMs: number, payload: Buffer): Promise<void> {
    this.#checkMayAppend();
    const header = Buffer.allocUnsafe(recordHeaderBytes);
    this.#encodeHeader(header, type, firstSequence, timeMs, payload);
    const bytes = Buffer.concat([header, payload]);
    this.#pendingAppend = this.#appendBytes(bytes).finally(() => {
      this.#pendingAppend = undefined;
    });
    await this.#pendingAppend;
  }

  /** All of it is on disk as it is: nothing was written or cut back since the last sync. */
  get isSynced(): boolean {
    return this.syncedBytes === this.sizeBytes && this.#syncedCuts === this.#cuts;
  }

  sync(): void {
    this.#checkUsable("in-doubt");
    try {
      this.#handle.sync();
    } catch (error) {
      this.failure = error;
      throw error;
    }
    this.#noteSynced(this.sizeBytes, this.#cuts);
  }

  /** Syncs what is written by now. Calls made while one is under way share the one that follows it. */
  async syncAsync(): Promise<void> {
    this.#checkUsable("in-doubt");
    const target = this.sizeBytes;
    const cuts = this.#cuts;
    while (this.#pendingSync !== undefined) {
      await this.#pendingSync;
      if (this.syncedBytes >= target && this.#syncedCuts >= cuts) {
        return;
      }
    }
    this.#checkTrusted();
    this.#pendingSync = this.#syncOnce().finally(() => {
      this.#pendingSync = undefined;
    });
    await this.#pendingSync;
  }

  /**
   * Lets what is under way or waits its turn end, so that the descriptor is not closed beneath it. Other calls throw
   * `FASTKV_CLOSED` from now on.
   */
  close(): Promise<void> {
    this.#closing ??= this.#closeOnceIdle();
    return this.#closing;
  }

  /** Closes what is synced or given up: nobody can do anything about a failure, and nobody hears of it. */
  release(): void {
    this.close().catch(() => undefined);
  }

  async #closeOnceIdle(): Promise<void> {
    while (this.#pendingAppend !== undefined || this.#pendingSync !== undefined) {
      // A sync that waits for this one starts before `allSettled` is through, so the loop sees it.
      await Promise.allSettled([this.#pendingAppend, this.#pendingSync]);
    }
    this.#handle.close();
  }

  async #appendBytes(bytes: Buffer): Promise<void> {
    try {
      await this.#handle.writeAsync(bytes, this.sizeBytes);
    } catch (error) {
      throw this.#cutBack(error);
    }
    // A sync may have failed meanwhile.
    this.#checkTrusted();
    this.sizeBytes += bytes.length;
  }

  async #syncOnce(): Promise<void> {
    const target = this.sizeBytes;
    const cuts = this.#cuts;
    try {
      await this.#handle.syncAsync();
    } catch (error) {
      this.failure = error;
      throw error;
    }
    this.#noteSynced(target, cuts);
  }

  /** A sync that ends late may know less than one that began after it. */
  #noteSynced(target: number, cuts: number): void {
    this.syncedBytes = Math.max(this.syncedBytes, target);
    this.#syncedCuts = Math.max(this.#syncedCuts, cuts);
  }

  #encodeHeader(target: Buffer, type: number, firstSequence: number, timeMs: number, payload: Buffer): void {
    const { syncedBytes, sizeBytes } = this;
    const payloadBytes = payload.length;
    const header = { type, epoch: this.#epoch, firstSequence, syncedBytes, timeMs, payloadBytes };
    encodeRecordHeader(target, header, payload, this.#fileMark, sizeBytes);
  }

  #checkTrusted(): void {
    if (this.failure !== undefined) {
      throw this.failure;
    }
  }

  #checkUsable(writeOutcome: WriteOutcome): void {
    this.#checkTrusted();
    if (this.#closing !== undefined) {
      throw new FastKVError("FASTKV_CLOSED", `${this.path} was closed`, { writeOutcome });
    }
  }

  #checkMayAppend(): void {
    this.#checkUsable("not-applied");
    invariant(this.#pendingAppend === undefined, "one append ends before the next one starts");
  }

  /** Takes a failed write back; returns the error to throw. */
  #cutBack(cause: unknown): unknown {
    try {
      this.#handle.truncate(this.sizeBytes);
      this.#cuts += 1;
      return cause;
    } catch (error) {
      this.failure =
        error instanceof FastKVError
          ? new FastKVError(error.code, `${error.message} It was to take a failed write back.`, {
              cause,
              writeOutcome: "in-doubt",
            })
          : error;
      return this.failure;
    }
  }
}

export interface LogContents {
  /** Undefined where a torn tail takes in the file's header, too. */
  header: FileHeader | undefined;
  /** How many records the reader took. */
  records: number;
  /** Where the last whole record ends: what lies behind it is a torn tail. 0 where the file's header is torn. */
  validBytes: number;
  /** Bytes of a torn tail; always 0 unless a torn tail is allowed. */
  tornBytes: number;
}

export interface ReadLogOptions {
  expected: FileIdentity;
  /** True for the last file of a log after an unclean end. */
  mayBeTorn: boolean;
  /**
   * Called for each whole record, in order. False declines it: the reading ends there, and the record counts neither
   * in `records` nor in `validBytes`. The payload is only lent.
   */
  onRecord: (record: LogRecord) => boolean | undefined;
}

/**
 * Reads a log from the start. Anything but whole records up to the end of the file is `FASTKV_CORRUPTION` naming
 * the offset, except a torn tail where one may be.
 */
export function readLog(fileSystem: FileSystem, path: string, options: ReadLogOptions): LogContents {
  const handle = fileSystem.open(path, "read");
  try {
    const file = { handle, path, sizeBytes: handle.sizeBytes(), fileMark: fileMarkOf(options.expected) };
    return readOpenLog(file, options);
  } finally {
    handle.close();
  }
}

function readOpenLog(file: LogFile, options: ReadLogOptions): LogContents {
  const header = readFileHeader(file, options);
  if (header === undefined) {
    return { header, records: 0, validBytes: 0, tornBytes: file.sizeBytes };
  }
  const contents: LogContents = { header, records: 0, validBytes: fileHeaderBytes, tornBytes: 0 };
  const scratch = Buffer.alloc(recordHeaderBytes);
  while (contents.validBytes < file.sizeBytes) {
    const offset = contents.validBytes;
    const record = readRecord(file, scratch, offset);
    if (typeof record === "string") {
      if (!options.mayBeTorn) {
        throw corruption(file.path, offset, record);
      }
      checkTornTail(file, offset, record);
      contents.tornBytes = file.sizeBytes - offset;
      break;
    }
    if (options.onRecord(record) === false) {
      break;
    }
    contents.records += 1;
    contents.validBytes = offset + recordHeaderBytes + record.payload.length;
  }
  return contents;
}

/** The file's header, or undefined where a crash struck before it was on disk: then so was nothing behind it. */
function readFileHeader(file: LogFile, { expected, mayBeTorn }: ReadLogOptions): FileHeader | undefined {
  const target = Buffer.alloc(fileHeaderBytes);
  const bytes = target.subarray(0, file.handle.read(target, 0));
  if (mayBeTorn && isTornFileHeader(bytes)) {
    checkTornTail(file, 0, "the file header is missing");
    return undefined;
  }
  return checkFileHeader(bytes, file.path, expected);
}

function checkTornTail(file: LogFile, offset: number, what: string): void {
  if (wasSynced(file, offset)) {
    throw corruption(file.path, offset, `${what}; a later record shows that this part had been synced`);
  }
}
