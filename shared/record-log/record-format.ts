/**
 * The record log: the format of the WAL, the manifest and the batch log. A file header (file-header.ts), then records.
 * FROZEN (format version 1). Little-endian.
 *
 *     offset  size  field
 *          0     4  magic 0x52564b46 ("FKVR")
 *          4     4  payload length P, at most `maxFrameBytes`
 *          8     1  record type (its meaning depends on the kind of log)
 *          9     3  zero
 *         12     4  owner epoch of the writer
 *         16     8  first sequence number in the payload, at most 2^53 - 1
 *         24     8  how many bytes of this file were known to be synced when the record was written
 *         32     8  the coordinator's clock, ms, float64, finite
 *         40     4  CRC-32 of the payload, seeded with the place
 *         44     4  CRC-32 of bytes 0 to 43, seeded with the place
 *         48     P  payload
 *
 * The mark at offset 24 distinguishes a torn tail from damage. Bytes below the highest mark in the file were on disk,
 * so damage there is corruption. Above it, in the last file of a log, it is a write that a crash cut short.
 *
 * The *place* of a record is the CRC-32 of its offset in the file (8 bytes), seeded with the file's mark: the CRC-32 of
 * what identifies the file, bytes 12 to 35 and 40 to 47 of its header. So a record is valid only where it was written:
 * bytes of this or another log that a user stored as a value are not records. The file's mark omits the epoch and the
 * format version, which a reader does not know if the file header itself is lost.
 */

import { readUint64, writeUint64 } from "../bytes.js";
import { checksum } from "../checksum.js";
import { invariant } from "../errors.js";
import { encodeFileHeader, type FileIdentity } from "../format/file-header.js";
import { maxFrameBytes } from "../limits.js";

export const recordHeaderBytes = 48;

const magic = 0x5256_4b46;
const firstMagicByte = magic & 0xff;

export interface RecordHeader {
  type: number;
  epoch: number;
  firstSequence: number;
  /** Number of bytes of the file known to be synced when the record was written. */
  syncedBytes: number;
  timeMs: number;
  payloadBytes: number;
}

/** Returns the value to which the checksums of all records of a file are tied. */
export function fileMarkOf(file: FileIdentity): number {
  const bytes = encodeFileHeader({ ...file, epoch: 0 });
  return checksum(bytes.subarray(40, 48), checksum(bytes.subarray(12, 36)));
}

const offsetBytes = Buffer.alloc(8);

function placeOf(fileMark: number, offset: number): number {
  writeUint64(offsetBytes, offset, 0);
  return checksum(offsetBytes, fileMark);
}

/** Asserted before a header is written and checked after one is read: what a reader would refuse is never written. */
function isPossible(header: RecordHeader, offset: number): boolean {
  return (
    header.type >= 0 &&
    header.type <= 0xff &&
    header.payloadBytes <= maxFrameBytes &&
    Number.isSafeInteger(header.firstSequence) &&
    header.firstSequence >= 0 &&
    header.syncedBytes <= offset &&
    Number.isFinite(header.timeMs)
  );
}

/** Writes the header of a record at `offset` of its file into the first bytes of `target`. */
export function encodeRecordHeader(
  target: Buffer,
  header: RecordHeader,
  payload: Buffer,
  fileMark: number,
  offset: number,
): void {
  invariant(isPossible(header, offset), "a record keeps to the limits of its format");
  const place = placeOf(fileMark, offset);
  target.writeUInt32LE(magic, 0);
  target.writeUInt32LE(header.payloadBytes, 4);
  target.writeUInt32LE(header.type, 8);
  target.writeUInt32LE(header.epoch, 12);
  writeUint64(target, header.firstSequence, 16);
  writeUint64(target, header.syncedBytes, 24);
  target.writeDoubleLE(header.timeMs, 32);
  target.writeUInt32LE(checksum(payload, place), 40);
  target.writeUInt32LE(checksum(target.subarray(0, 44), place), 44);
}

/**
 * Decodes the header at byte `at` of `bytes`, which is at `offset` of its file. Returns undefined if there is no valid
 * header.
 */
export function decodeRecordHeader(
  bytes: Buffer,
  at: number,
  fileMark: number,
  offset: number,
): RecordHeader | undefined {
  if (bytes.readUInt32LE(at) !== magic) {
    return undefined;
  }
  const header: RecordHeader = {
    // Includes the three zero bytes after the type.
    type: bytes.readUInt32LE(at + 8),
    epoch: bytes.readUInt32LE(at + 12),
    firstSequence: readUint64(bytes, at + 16),
    syncedBytes: readUint64(bytes, at + 24),
    timeMs: bytes.readDoubleLE(at + 32),
    payloadBytes: bytes.readUInt32LE(at + 4),
  };
  if (!isPossible(header, offset)) {
    return undefined;
  }
  const sum = checksum(bytes.subarray(at, at + 44), placeOf(fileMark, offset));
  return bytes.readUInt32LE(at + 44) === sum ? header : undefined;
}

/** Whether this is the payload for which the header at the start of `headerBytes` was written. */
export function isPayloadOf(headerBytes: Buffer, payload: Buffer, fileMark: number, offset: number): boolean {
  return headerBytes.readUInt32LE(40) === checksum(payload, placeOf(fileMark, offset));
}

/**
 * Returns the first position in `bytes`, from `start` on, of what looks like a complete header with a mark above
 * `offset`; -1 if there is none. It computes no checksum and takes about 3 ns per byte whatever the bytes are, so that
 * a value full of magics does not delay a start.
 */
export function findMarkAbove(offset: number, bytes: Buffer, start: number): number {
  const last = bytes.length - recordHeaderBytes;
  for (let at = start; at <= last; at += 1) {
    if (
      bytes[at] === firstMagicByte &&
      bytes[at + 9] === 0 &&
      bytes.readUInt32LE(at) === magic &&
      readUint64(bytes, at + 24) > offset
    ) {
      return at;
    }
  }
  return -1;
}
