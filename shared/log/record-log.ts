/**
 * The record log: the form of the WAL, the manifest and the batch log. A file header (file-header.ts), then records.
 * FROZEN (format version 1). Little-endian.
 *
 *     offset  size  field
 *          0     4  magic 0x52564b46 ("FKVR")
 *          4     4  payload length P
 *          8     1  record type (its meaning belongs to the kind of log)
 *          9     3  zero
 *         12     4  owner epoch of the writer
 *         16     8  first sequence number in the payload
 *         24     8  how many bytes of this file were known to be synced when the record was written
 *         32     8  the coordinator's clock, ms, float64
 *         40     4  CRC-32 of the payload
 *         44     4  CRC-32 of bytes 0 to 43
 *         48     P  payload
 *
 * The mark at offset 24 is what tells a torn tail from damage: bytes below the highest mark in the file were on
 * disk, so damage there is corruption; above it, in the last file of a log, it is a write that a crash cut short.
 */

import { readUint64, writeUint64 } from "../bytes.js";
import { checksum } from "../checksum.js";
import { corruption } from "../errors.js";
import {
  checkFileHeader,
  encodeFileHeader,
  type FileHeader,
  type FileIdentity,
  fileHeaderBytes,
} from "../format/file-header.js";
import { maxFrameBytes } from "../limits.js";
import type { FileHandle, FileSystem } from "../storage/file-system.js";

export const recordHeaderBytes = 48;
const recordMagic = 0x5256_4b46;

export interface LogRecord {
  type: number;
  epoch: number;
  firstSequence: number;
  timeMs: number;
  payload: Buffer;
  /** Where the record starts in its file. */
  offset: number;
}

function encodeRecordHeader(target: Buffer, record: Omit<LogRecord, "offset">, syncedBytes: number): void {
  target.fill(0, 0, recordHeaderBytes);
  target.writeUInt32LE(recordMagic, 0);
  target.writeUInt32LE(record.payload.length, 4);
  target[8] = record.type;
  target.writeUInt32LE(record.epoch, 12);
  writeUint64(target, record.firstSequence, 16);
  writeUint64(target, syncedBytes, 24);
  target.writeDoubleLE(record.timeMs, 32);
  target.writeUInt32LE(checksum(record.payload), 40);
  target.writeUInt32LE(checksum(target.subarray(0, 44)), 44);
}

const gatherLimitBytes = 512 * 1024;

/**
 * Appends records to a file of its own. The owner says when to sync; a failed write is cut back to the last whole
 * record and thrown, so that the log stays whole and may be tried again; a failed cut or sync is final.
 */
export class RecordLogWriter {
  readonly path: string;
  /** Bytes written, header included. */
  sizeBytes: number;
  syncedBytes = 0;
  /** Set where the file can no longer be trusted; every later call throws it. */
  failure: unknown;

  readonly #handle: FileHandle;
  readonly #epoch: number;
  #scratch = Buffer.allocUnsafeSlow(64 * 1024);
  #pendingSync: Promise<void> | undefined;

  private constructor(handle: FileHandle, header: FileHeader) {
    this.#handle = handle;
    this.path = handle.path;
    this.#epoch = header.epoch;
    this.sizeBytes = fileHeaderBytes;
  }

  /** Creates the file with its header. The folder still has to be synced. */
  static create(fileSystem: FileSystem, path: string, header: FileHeader): RecordLogWriter {
    const handle = fileSystem.create(path);
    try {
      handle.write(encodeFileHeader(header), 0);
    } catch (error) {
      handle.close();
      fileSystem.remove(path);
      throw error;
    }
    return new RecordLogWriter(handle, header);
  }

  append(type: number, firstSequence: number, timeMs: number, payload: Buffer): void {
    this.#checkUsable();
    const record = { type, epoch: this.#epoch, firstSequence, timeMs, payload };
    const start = this.sizeBytes;
    const total = recordHeaderBytes + payload.length;
    try {
      if (total <= gatherLimitBytes) {
        if (this.#scratch.length < total) {
          this.#scratch = Buffer.allocUnsafeSlow(gatherLimitBytes);
        }
        encodeRecordHeader(this.#scratch, record, this.syncedBytes);
        payload.copy(this.#scratch, recordHeaderBytes);
        this.#handle.write(this.#scratch.subarray(0, total), start);
      } else {
        encodeRecordHeader(this.#scratch, record, this.syncedBytes);
        this.#handle.write(this.#scratch.subarray(0, recordHeaderBytes), start);
        this.#handle.write(payload, start + recordHeaderBytes);
      }
    } catch (error) {
      this.#cutBack();
      throw error;
    }
    this.sizeBytes = start + total;
  }

  /** Like `append`, in the thread pool. The caller awaits one before it starts the next. */
  async appendAsync(type: number, firstSequence: number, timeMs: number, payload: Buffer): Promise<void> {
    this.#checkUsable();
    const bytes = Buffer.allocUnsafeSlow(recordHeaderBytes + payload.length);
    encodeRecordHeader(bytes, { type, epoch: this.#epoch, firstSequence, timeMs, payload }, this.syncedBytes);
    payload.copy(bytes, recordHeaderBytes);
    try {
      await this.#handle.writeAsync(bytes, this.sizeBytes);
    } catch (error) {
      this.#cutBack();
      throw error;
    }
    this.sizeBytes += bytes.length;
  }

  sync(): void {
    this.#checkUsable();
    const target = this.sizeBytes;
    try {
      this.#handle.sync();
    } catch (error) {
      this.failure = error;
      throw error;
    }
    this.syncedBytes = target;
  }

  /** Syncs what is written by now. Calls made while one is under way share the one that follows it. */
  async syncAsync(): Promise<void> {
    const target = this.sizeBytes;
    while (this.#pendingSync !== undefined) {
      await this.#pendingSync;
      if (this.syncedBytes >= target) {
        return;
      }
    }
    this.#checkUsable();
    this.#pendingSync = this.#syncOnce();
    await this.#pendingSync;
  }

  async #syncOnce(): Promise<void> {
    const target = this.sizeBytes;
    try {
      await this.#handle.syncAsync();
      this.syncedBytes = target;
    } catch (error) {
      this.failure = error;
      throw error;
    } finally {
      this.#pendingSync = undefined;
    }
  }

  /** Waits for a sync under way, so that the descriptor is not closed beneath it. */
  async close(): Promise<void> {
    await this.#pendingSync?.catch(() => undefined);
    this.#handle.close();
  }

  #checkUsable(): void {
    if (this.failure !== undefined) {
      throw this.failure;
    }
  }

  #cutBack(): void {
    try {
      this.#handle.truncate(this.sizeBytes);
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }
}

export interface LogContents {
  header: FileHeader;
  records: number;
  /** Where the last whole record ends: what lies behind it is a torn tail. */
  validBytes: number;
  /** Bytes of a torn tail; always 0 unless a torn tail is allowed. */
  tornBytes: number;
}

export interface ReadLogOptions {
  expected: FileIdentity;
  /** True for the last file of a log after an unclean end. */
  mayBeTorn: boolean;
  /** Called for each whole record, in order; false ends the reading there. The payload is only lent. */
  onRecord: (record: LogRecord) => boolean | undefined;
}

/**
 * Reads a log from the start. Anything but whole records up to the end of the file is `FASTKV_CORRUPTION` naming
 * the offset, except a torn tail where one may be.
 */
export function readLog(fileSystem: FileSystem, path: string, options: ReadLogOptions): LogContents {
  const handle = fileSystem.open(path, "read");
  try {
    return readOpenLog(handle, path, options);
  } finally {
    handle.close();
  }
}

function readOpenLog(handle: FileHandle, path: string, options: ReadLogOptions): LogContents {
  const sizeBytes = handle.sizeBytes();
  const headerBytes = Buffer.alloc(fileHeaderBytes);
  const got = handle.read(headerBytes, 0);
  const header = checkFileHeader(headerBytes.subarray(0, got), path, options.expected);
  const contents: LogContents = { header, records: 0, validBytes: fileHeaderBytes, tornBytes: 0 };
  const recordHeader = Buffer.alloc(recordHeaderBytes);
  while (contents.validBytes < sizeBytes) {
    const offset = contents.validBytes;
    const record = readRecord(handle, recordHeader, offset, sizeBytes);
    if (typeof record === "string") {
      if (!options.mayBeTorn) {
        throw corruption(path, offset, record);
      }
      checkTornTail(handle, path, offset, sizeBytes, record);
      contents.tornBytes = sizeBytes - offset;
      break;
    }
    contents.records += 1;
    if (options.onRecord(record) === false) {
      break;
    }
    contents.validBytes = offset + recordHeaderBytes + record.payload.length;
  }
  return contents;
}

interface RecordHeader {
  type: number;
  epoch: number;
  firstSequence: number;
  timeMs: number;
  payloadBytes: number;
  syncedBytes: number;
}

/** What a valid header says, or undefined. */
function decodeRecordHeader(bytes: Buffer, at: number): RecordHeader | undefined {
  if (bytes.readUInt32LE(at) !== recordMagic) {
    return undefined;
  }
  if (bytes.readUInt32LE(at + 44) !== checksum(bytes.subarray(at, at + 44))) {
    return undefined;
  }
  return {
    payloadBytes: bytes.readUInt32LE(at + 4),
    type: bytes[at + 8]!,
    epoch: bytes.readUInt32LE(at + 12),
    firstSequence: readUint64(bytes, at + 16),
    syncedBytes: readUint64(bytes, at + 24),
    timeMs: bytes.readDoubleLE(at + 32),
  };
}

/** The record at `offset`, or what is wrong with it. */
function readRecord(
  handle: FileHandle,
  scratch: Buffer,
  offset: number,
  sizeBytes: number,
): LogRecord | string {
  if (offset + recordHeaderBytes > sizeBytes || handle.read(scratch, offset) < recordHeaderBytes) {
    return "the file ends within a record header";
  }
  const header = decodeRecordHeader(scratch, 0);
  if (header === undefined) {
    return "wrong magic or checksum of a record header";
  }
  if (header.payloadBytes > maxFrameBytes || offset + recordHeaderBytes + header.payloadBytes > sizeBytes) {
    return "the file ends within a record";
  }
  const payload = Buffer.allocUnsafeSlow(header.payloadBytes);
  if (handle.read(payload, offset + recordHeaderBytes) < payload.length) {
    return "the file ends within a record";
  }
  if (checksum(payload) !== scratch.readUInt32LE(40)) {
    return "wrong checksum of a record";
  }
  const { type, epoch, firstSequence, timeMs } = header;
  return { type, epoch, firstSequence, timeMs, payload, offset };
}

/**
 * Looks behind a damaged place for a record that says the place had been synced. The magic may stand at any byte,
 * since the damaged record's length cannot be trusted.
 */
function checkTornTail(
  handle: FileHandle,
  path: string,
  offset: number,
  sizeBytes: number,
  what: string,
): void {
  const pattern = Buffer.alloc(4);
  pattern.writeUInt32LE(recordMagic, 0);
  const chunkBytes = 1024 * 1024;
  const chunk = Buffer.alloc(chunkBytes + recordHeaderBytes);
  for (let base = offset + 1; base < sizeBytes; base += chunkBytes) {
    const length = handle.read(chunk.subarray(0, Math.min(chunk.length, sizeBytes - base)), base);
    for (let at = chunk.indexOf(pattern); at !== -1 && at + recordHeaderBytes <= length; ) {
      const header = decodeRecordHeader(chunk, at);
      if (header !== undefined && header.syncedBytes > offset) {
        throw corruption(path, offset, `${what}; a later record shows that this part had been synced`);
      }
      at = chunk.indexOf(pattern, at + 1);
    }
  }
}
