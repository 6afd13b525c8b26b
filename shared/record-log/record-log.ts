/** Writes and reads a record log. record-format.ts describes the format. */

import { corruption, FastKVError, invariant, type WriteOutcome } from "../errors.js";
import {
  checkFileHeader,
  encodeFileHeader,
  type FileHeader,
  type FileIdentity,
  fileHeaderBytes,
} from "../format/file-header.js";
import { maxFrameBytes } from "../limits.js";
import type { FileHandle, FileSystem } from "../storage/file-system.js";
import { isTornFileHeader, type LogFile, type LogRecord, readRecord, wasSynced } from "./log-file.js";
import { encodeRecordHeader, fileMarkOf, recordHeaderBytes } from "./record-format.js";

export type { LogRecord } from "./log-file.js";

const gatherLimitBytes = 512 * 1024;

/** Throws `FASTKV_BATCH_TOO_LARGE` if a record cannot have this payload. `what`: what has so many bytes. */
export function checkRecordSize(payload: Buffer, what: string): void {
  if (payload.length > maxFrameBytes) {
    const message = `${what}: ${payload.length} bytes, of at most ${maxFrameBytes}`;
    throw new FastKVError("FASTKV_BATCH_TOO_LARGE", message, { writeOutcome: "not-applied" });
  }
}

/**
 * Appends records to a file of its own. The owner decides when to sync. After a failed write, the file is truncated to
 * the last complete record and the error is thrown: the log stays valid, and the append may be tried again. A failed
 * truncation or sync is final.
 */
export class RecordLogWriter {
  readonly path: string;
  /** Bytes written, including the header. */
  sizeBytes = fileHeaderBytes;
  /** Never decreases. */
  syncedBytes = 0;
  /** Set if the file can no longer be trusted. Every later call throws it. */
  failure: unknown;
  /** Number of truncations after failed writes, and how many of them are on disk. */
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

  /** Creates the file with its header. The file and its folder must still be synced. */
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

  /** Not while an `appendAsync` is in progress. */
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

  /** Like `append`, in the thread pool. The caller must await it before the next append of either kind. */
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

  /** Whether the file is on disk in its current state: nothing was written or truncated since the last sync. */
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

  /** Syncs what has been written. Calls made during a sync share the sync that follows it. */
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
   * Closes the file after running and waiting calls have ended, so that the descriptor is not closed while they use it.
   * From now on other calls throw `FASTKV_CLOSED`.
   */
  close(): Promise<void> {
    this.#closing ??= this.#closeOnceIdle();
    return this.#closing;
  }

  /** Closes a file that is synced or given up. A failure has no consequences and is not reported. */
  release(): void {
    this.close().catch(() => undefined);
  }

  async #closeOnceIdle(): Promise<void> {
    while (this.#pendingAppend !== undefined || this.#pendingSync !== undefined) {
      // A sync that waits for this one starts before `allSettled` resolves, so the loop sees it.
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

  /** A sync that ends late may cover less than one that began after it. */
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

  /** Truncates a failed write. Returns the error to throw. */
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
  /** Undefined if the torn tail includes the file's header. */
  header: FileHeader | undefined;
  /** Number of records that the reader accepted. */
  records: number;
  /** The end of the last complete record; what follows is a torn tail. 0 if the file's header is torn. */
  validBytes: number;
  /** Bytes of the torn tail; 0 unless a torn tail is allowed. */
  tornBytes: number;
}

export interface ReadLogOptions {
  expected: FileIdentity;
  /** True for the last file of a log after an unclean end. */
  mayBeTorn: boolean;
  /**
   * Called for each complete record, in order. If it returns false, reading ends there, and the record counts neither
   * in `records` nor in `validBytes`. The payload is valid only during the call.
   */
  onRecord: (record: LogRecord) => boolean | undefined;
}

/**
 * Reads a log from the start. Anything except complete records up to the end of the file throws `FASTKV_CORRUPTION`
 * with the offset, except a torn tail where one is allowed.
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

/**
 * Returns the file's header, or undefined if a crash came before it was on disk: then nothing after it was on disk
 * either.
 */
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
