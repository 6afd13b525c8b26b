/**
 * Finds the blocks of a table whose index is lost. A block says nowhere how long it is, but ends with a checksum over
 * all before it: so from a known start, the checksum is carried on byte by byte until the one that stands there fits.
 * Behind a damaged block, where no start is known, blocks that are not compressed are
 * found by the length in their trailer, and others by trying each byte as a start.
 */

import { checksum } from "../../../shared/checksum.js";
import { maxBlockContentBytes, placeMark } from "../../engine/table/block-format.js";

export interface FoundBlock {
  /** In the file; the length is with the trailer. */
  offset: number;
  storedBytes: number;
}

/** Of the content. */
const codecBytes = 1;
const lengthBytes = 4;
const checksumBytes = 4;
const trailerBytes = codecBytes + lengthBytes + checksumBytes;
const plainCodec = 0;
const lastCodec = 3;
/** Behind damage, compressed blocks up to this length are looked for. */
const searchedBlockBytes = 64 * 1024;
/** Steps of one byte each, a few nanoseconds: what is spent at most on that search. */
const maxSearchSteps = 2 ** 30;

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) {
    remainder = (remainder & 1) === 0 ? remainder >>> 1 : (remainder >>> 1) ^ 0xedb88320;
  }
  return remainder >>> 0;
});

/** Whether a trailer may begin at `at`, behind content from `start` on: what its checksum covers must make sense, too. */
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

/** The block that starts at `start`, if one does that ends at or before `limit`; offsets are those in the file. */
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

/** The first block behind `start` that is not compressed: the length in its trailer says where it begins. */
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
  /** Where the blocks end: what stands there is no data block, or the end of the file. */
  end: number;
  /** What stands behind the data of a whole table is there: the last of its blocks may be damaged, but is not cut off. */
  hasEnd: boolean;
}

/** The blocks from `start` on, in order. `bytes` is the whole file; `isData` tells data blocks from what follows them. */
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
      // Behind the data stand the filter, the index and the properties.
      return { blocks, end: block.offset, hasEnd: true };
    }
    blocks.push(block);
    at = block.offset + block.storedBytes;
  }
  return { blocks, end: bytes.length, hasEnd: false };
}
