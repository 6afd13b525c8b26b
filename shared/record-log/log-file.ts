/**
 * The file of a record log while it is read: single records, and what the rest of the file says about a damaged place.
 */

import { fileHeaderBytes } from "../format/file-header.js";
import type { FileHandle } from "../storage/file-system.js";
import { decodeRecordHeader, findMarkAbove, isPayloadOf, recordHeaderBytes } from "./record-format.js";

export interface LogRecord {
  type: number;
  epoch: number;
  firstSequence: number;
  timeMs: number;
  payload: Buffer;
  /** Offset of the record in its file. */
  offset: number;
}

export interface LogFile {
  handle: FileHandle;
  path: string;
  sizeBytes: number;
  fileMark: number;
}

/** A crash cuts off the header or leaves a page of zeros in its place. Anything else is damage. */
export function isTornFileHeader(bytes: Buffer): boolean {
  return bytes.length < fileHeaderBytes || bytes.every((byte) => byte === 0);
}

/** Returns the record at `offset`, or what is wrong with it. `scratch` has the size of a record header. */
export function readRecord(file: LogFile, scratch: Buffer, offset: number): LogRecord | string {
  const { handle, sizeBytes, fileMark } = file;
  if (offset + recordHeaderBytes > sizeBytes || handle.read(scratch, offset) < recordHeaderBytes) {
    return "the file ends within a record header";
  }
  const header = decodeRecordHeader(scratch, 0, fileMark, offset);
  if (header === undefined) {
    return "no valid record header";
  }
  const { type, epoch, firstSequence, timeMs, payloadBytes } = header;
  const payloadOffset = offset + recordHeaderBytes;
  if (payloadOffset + payloadBytes > sizeBytes) {
    return "the file ends within a record";
  }
  const payload = Buffer.allocUnsafeSlow(payloadBytes);
  if (handle.read(payload, payloadOffset) < payloadBytes) {
    return "the file ends within a record";
  }
  if (!isPayloadOf(scratch, payload, fileMark, offset)) {
    return "wrong checksum of a record";
  }
  return { type, epoch, firstSequence, timeMs, payload, offset };
}

const searchChunkBytes = 1024 * 1024;

/**
 * Searches after a damaged place for a record that proves that the place was synced. The magic may be at any byte,
 * since the length of the damaged record cannot be trusted.
 */
export function wasSynced(file: LogFile, offset: number): boolean {
  return findHeader(file, offset + 1, offset) !== undefined;
}

/**
 * Returns the position of the first valid record header from `start` on whose mark is above `mark`; undefined if there
 * is none. The payload of that record may be damaged.
 */
export function findHeader(file: LogFile, start: number, mark: number): number | undefined {
  const { handle, sizeBytes, fileMark } = file;
  const chunk = Buffer.alloc(Math.min(searchChunkBytes + recordHeaderBytes, Math.max(0, sizeBytes - start)));
  for (let base = start; base + recordHeaderBytes <= sizeBytes; base += searchChunkBytes) {
    const bytes = chunk.subarray(0, handle.read(chunk, base));
    for (let at = findMarkAbove(mark, bytes, 0); at !== -1; at = findMarkAbove(mark, bytes, at + 1)) {
      if (decodeRecordHeader(bytes, at, fileMark, base + at) !== undefined) {
        return base + at;
      }
    }
  }
  return undefined;
}
