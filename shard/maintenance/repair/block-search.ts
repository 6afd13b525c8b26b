/**
 * Finds the blocks of a table whose index is lost. A block does not begin with its length, but ends with a checksum
 * over everything before it. So from a known start, the checksum is computed byte by byte until it matches the bytes
 * that follow. After a damaged block no start is known. There, blocks that are not compressed are found by the length
 * in their trailer, and others by trying each byte as a start.
 */

import { checksum } from "../../../shared/checksum.js";
import { maxBlockContentBytes, placeMark } from "../../engine/table/block-format.js";

export interface FoundBlock {
  /** Offset in the file. The length includes the trailer. */
  offset: number;
  storedBytes: number;
}

/** Length of the field for the content's length. */
const codecBytes = 1;
const lengthBytes = 4;
const checksumBytes = 4;
const trailerBytes = codecBytes + lengthBytes + checksumBytes;
const plainCodec = 0;
const lastCodec = 3;
/** After damage, compressed blocks up to this length are searched for. */
const searchedBlockBytes = 64 * 1024;
/** The most steps, of one byte and a few nanoseconds each, that this search takes. */
const maxSearchSteps = 2 ** 30;

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) {
    remainder = (remainder & 1) === 0 ? remainder >>> 1 : (remainder >>> 1) ^ 0xedb88320;
  }
  return remainder >>> 0;
});

/**
 * Whether a trailer may begin at `at`, after content from `start` on: the fields covered by its checksum must make
 * sense, too.
 */
function isTrailer(bytes: Buffer, start: number, at: number): boolean {
  const codec = bytes[at]!;
  if (codec > lastCodec) {
    return false;
  }
  const length = bytes.readUInt32LE(at + codecBytes);
  const storedLength = at - start;
  return codec === plainCodec
    ? length === storedLength
    : length > storedLength && length <= maxBlockContentBytes;
}

/** The block that starts at `start` and ends at or before `limit`, if there is one; offsets are those in the file. */
function blockAt(bytes: Buffer, start: number, limit: number, fileMark: number): FoundBlock | undefined {
  const place = placeMark(fileMark, start);
  let remainder = 0xffff_ffff;
  const last = Math.min(limit, bytes.length) - checksumBytes;
  for (let at = start; at < last; at++) {
    remainder = (remainder >>> 8) ^ crcTable[(remainder ^ bytes[at]!) & 0xff]!;
    const end = at + 1;
    const trailer = end - lengthBytes - codecBytes;
    if (
      trailer > start &&
      bytes.readUInt32LE(end) === (~remainder ^ place) >>> 0 &&
      isTrailer(bytes, start, trailer)
    ) {
      return { offset: start, storedBytes: end + checksumBytes - start };
    }
  }
  return undefined;
}

/** The first block from `start` on that is not compressed: the length in its trailer says where it begins. */
function nextPlainBlock(bytes: Buffer, start: number, fileMark: number): FoundBlock | undefined {
  for (let at = start + 1; at + trailerBytes <= bytes.length; at++) {
    if (bytes[at] === plainCodec) {
      const offset = at - bytes.readUInt32LE(at + codecBytes);
      const end = at + trailerBytes;
      if (offset >= start && offset < at) {
        const sum = checksum(bytes.subarray(offset, end - checksumBytes));
        if (bytes.readUInt32LE(end - checksumBytes) === (sum ^ placeMark(fileMark, offset)) >>> 0) {
          return { offset, storedBytes: end - offset };
        }
      }
    }
  }
  return undefined;
}

export interface SearchResult {
  blocks: FoundBlock[];
  /** Where the blocks end: at something that is not a data block, or at the end of the file. */
  end: number;
  /** What follows the data of a complete table was found: the last blocks may be damaged, but are not cut off. */
  hasEnd: boolean;
}

/**
 * Finds the blocks from `start` on, in order. `bytes` is the whole file; `isData` tells data blocks from what follows
 * them.
 */
export function findBlocks(
  bytes: Buffer,
  start: number,
  fileMark: number,
  isData: (block: FoundBlock) => boolean,
): SearchResult {
  const blocks: FoundBlock[] = [];
  let steps = 0;
  let at = start;
  while (at < bytes.length) {
    let block = blockAt(bytes, at, bytes.length, fileMark);
    if (block === undefined) {
      const plain = nextPlainBlock(bytes, at + 1, fileMark);
      const end = plain?.offset ?? bytes.length;
      for (let tried = at + 1; block === undefined && tried < end && steps < maxSearchSteps; tried++) {
        block = blockAt(bytes, tried, Math.min(end, tried + searchedBlockBytes), fileMark);
        steps += searchedBlockBytes;
      }
      block ??= plain;
    }
    if (block === undefined) {
      break;
    }
    if (!isData(block)) {
      // The data is followed by the filter, the index and the properties.
      return { blocks, end: block.offset, hasEnd: true };
    }
    blocks.push(block);
    at = block.offset + block.storedBytes;
  }
  return { blocks, end: bytes.length, hasEnd: false };
}
