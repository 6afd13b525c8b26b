/**
 * The blocks of which a table consists. FROZEN (format version 1). Little-endian.
 *
 * A stored block is its content, compressed or not, and a trailer:
 *
 *     offset  size  field
 *          0     S  content as its codec stores it
 *          S     1  codec id (compression.ts)
 *        S+1     4  length of the content when it is not compressed
 *        S+5     4  CRC-32 of bytes 0 to S+4, xor the place mark
 *
 * The place mark is made from the checksum of the file's header (which holds the database, the shard and the file
 * number) and the block's offset in the file, so that a sound block in the place of another is rejected.
 *
 * The content of a data block:
 *
 *     offset  size  field
 *          0     E  entries, in order of key, for one key the highest sequence number first
 *          E    4R  offsets of the restart entries, ascending; the first is 0
 *       E+4R     8  base sequence number: that of the first entry
 *       E+4R+8   4  R, at least 1
 *
 * An entry:
 *
 *     size  field
 *     1..4  varint: how many bytes the key shares with the entry before: all that it can, but none in a restart entry
 *     1..4  varint: length U of the rest of the key
 *     1..4  varint: length of everything behind the rest of the key
 *        U  rest of the key
 *        1  kind (low 2 bits), 4: has an expiry, 8: the sequence number is below the base
 *        1  encoding tag of the value
 *     1..8  varint: distance of the sequence number from the base
 *        8  expiry, ms since the epoch, float64: only where flagged
 *     else  value
 *
 * Every 16th entry is a restart entry: a search finds its place among them by bisection and goes on from there.
 */

import { checksum } from "../../../shared/checksum.js";
import { corruption, FastKVError } from "../../../shared/errors.js";
import { finalMix } from "../../../shared/hash.js";
import { maxKeyBytes, maxValueBytesCeiling } from "../../../shared/limits.js";
import { type CodecName, codecId, codecNameOf, compress, decompress } from "./compression.js";

export const blockTrailerBytes = 9;
export const restartInterval = 16;
/** Base sequence number and restart count. */
export const blockTailBytes = 12;

export const entryKindMask = 3;
/** FROZEN. */
export const entryFlag = { expires: 4, belowBase: 8 } as const;
/** The most bytes that an entry has besides its key and value. */
export const maxEntryOverheadBytes = 4 + 4 + 4 + 1 + 1 + 8 + 8;

/** A block ends when it is full, so none is much larger than the largest entry. */
export const maxBlockContentBytes = maxKeyBytes + maxValueBytesCeiling + 2 * 1024 * 1024;

const { imul } = Math;

/** Different for every offset below 4 GiB of a file. `fileMark` is the checksum of the file's header. */
export function placeMark(fileMark: number, offset: number): number {
  const high = Math.floor(offset / 0x1_0000_0000);
  return finalMix((fileMark + imul(offset, 0x9e3779b1) + imul(high, 0x85ebca77)) | 0);
}

/** A compressed block is worth its decompression only if it is at least an eighth smaller. */
function isWorthwhile(compressedBytes: number, bytes: number): boolean {
  return compressedBytes <= bytes - (bytes >>> 3);
}

export interface StoredBlock {
  /** Without the trailer. */
  bytes: Buffer;
  codec: CodecName;
  uncompressedBytes: number;
}

export function packBlock(content: Buffer, codec: CodecName): StoredBlock {
  if (codec !== "none" && content.length > 0) {
    const compressed = compress(codec, content);
    if (isWorthwhile(compressed.length, content.length)) {
      return { bytes: compressed, codec, uncompressedBytes: content.length };
    }
  }
  return { bytes: content, codec: "none", uncompressedBytes: content.length };
}

/** Writes the block and its trailer into `target` at `at`; `fileOffset` is the block's later offset in the file. */
export function writeStoredBlock(
  target: Buffer,
  at: number,
  block: StoredBlock,
  fileMark: number,
  fileOffset: number,
): void {
  const { bytes } = block;
  bytes.copy(target, at);
  const trailer = at + bytes.length;
  target[trailer] = codecId[block.codec];
  target.writeUInt32LE(block.uncompressedBytes, trailer + 1);
  const sum = checksum(target.subarray(at, trailer + 5));
  target.writeUInt32LE((sum ^ placeMark(fileMark, fileOffset)) >>> 0, trailer + 5);
}

export interface BlockPlace {
  path: string;
  fileMark: number;
  /** Offset of the block in its file. */
  offset: number;
}

/**
 * Checks a stored block, trailer included, and returns its content: a part of `stored` if it is not compressed. No
 * allocation depends on unchecked bytes, and none is larger than `maxContentBytes`.
 */
export function unpackBlock(stored: Buffer, place: BlockPlace, maxContentBytes: number): Buffer {
  const { path, offset } = place;
  const contentBytes = stored.length - blockTrailerBytes;
  if (contentBytes < 0) {
    throw corruption(path, offset, "a block ends within its trailer");
  }
  const sum = checksum(stored.subarray(0, contentBytes + 5));
  const expected = (sum ^ placeMark(place.fileMark, offset)) >>> 0;
  if (stored.readUInt32LE(contentBytes + 5) !== expected) {
    throw corruption(path, offset, "wrong checksum of a block");
  }
  const codec = codecNameOf(stored[contentBytes]!);
  const uncompressedBytes = stored.readUInt32LE(contentBytes + 1);
  if (codec === undefined) {
    throw new FastKVError(
      "FASTKV_UNSUPPORTED_FORMAT",
      `${path} holds a block of the unknown codec ${stored[contentBytes]}. Install a newer fastkv.`,
    );
  }
  if (uncompressedBytes > maxContentBytes) {
    throw corruption(
      path,
      offset,
      `a block claims ${uncompressedBytes} bytes; ${maxContentBytes} are allowed`,
    );
  }
  const bytes = stored.subarray(0, contentBytes);
  if (codec === "none") {
    if (contentBytes !== uncompressedBytes) {
      throw corruption(path, offset, "a block's two lengths disagree");
    }
    return bytes;
  }
  try {
    return decompress(codec, bytes, uncompressedBytes);
  } catch (error) {
    if (error instanceof FastKVError && error.code === "FASTKV_UNSUPPORTED_FORMAT") {
      throw new FastKVError(error.code, `${path} cannot be read: ${error.message}`, { cause: error });
    }
    throw corruption(path, offset, `a block does not decompress with ${codec}`, error);
  }
}
