/** Reads a data block's content (block-format.ts) without an allocation per entry. */

import { readUint64 } from "../../../shared/bytes.js";
import { corruption, type FastKVError } from "../../../shared/errors.js";
import { type Entry, type EntryKind, entryKind } from "../iterator/cursor.js";
import { blockTailBytes, entryFlag, entryKindMask } from "./block-format.js";
import { lengthBytes, numberBytes, readLength, readNumber } from "./varint.js";

const knownFlags = entryKindMask | entryFlag.expires | entryFlag.belowBase;

/** The content of a data block. Its frame is checked once, here, and each entry when it is read. Immutable. */
export class Block {
  readonly buffer: Buffer;
  /** Where the entries end and the restart offsets begin. */
  readonly entriesEnd: number;
  readonly restartCount: number;
  readonly baseSequence: number;
  readonly path: string;
  /** Offset of the block in its file, for error messages. */
  readonly fileOffset: number;

  constructor(content: Buffer, path: string, fileOffset: number) {
    this.buffer = content;
    this.path = path;
    this.fileOffset = fileOffset;
    const tail = content.length - blockTailBytes;
    if (tail < 4) {
      throw corruption(path, fileOffset, "a block is too short");
    }
    this.restartCount = content.readUInt32LE(tail + 8);
    this.baseSequence = readUint64(content, tail);
    this.entriesEnd = tail - 4 * this.restartCount;
    if (this.restartCount < 1 || this.entriesEnd < 1 || Number.isNaN(this.baseSequence)) {
      throw corruption(path, fileOffset, "a block's restart count or base sequence number is impossible");
    }
    let previous = -1;
    for (let restart = 0; restart < this.restartCount; restart += 1) {
      const at = restartOffset(this, restart);
      if (at <= previous || at >= this.entriesEnd || (restart === 0 && at !== 0)) {
        throw corruption(path, fileOffset, "a block's restart offsets are out of order");
      }
      previous = at;
    }
  }
}

export function malformedEntry(block: Block, at: number, what: string): FastKVError {
  return corruption(block.path, block.fileOffset, `malformed entry at byte ${at} of the block: ${what}`);
}

export function restartOffset(block: Block, restart: number): number {
  return block.buffer.readUInt32LE(block.entriesEnd + 4 * restart);
}

/** The last restart entry before `offset`. */
export function restartBefore(block: Block, offset: number): number {
  let low = 0;
  let high = block.restartCount - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (restartOffset(block, middle) < offset) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

/** Below, at or above 0 if the key at a restart offset is before, equal to or after `target[0..targetBytes)`. */
function compareRestart(block: Block, at: number, target: Uint8Array, targetBytes: number): number {
  const { buffer } = block;
  if (buffer[at] !== 0) {
    throw malformedEntry(block, at, "a restart entry shares bytes with the one before");
  }
  const keyBytes = readLength(buffer, at + 1);
  const restAt = at + 1 + lengthBytes(keyBytes);
  const start = restAt + lengthBytes(readLength(buffer, restAt));
  if (start + keyBytes > block.entriesEnd) {
    throw malformedEntry(block, at, "it runs over the end of the block");
  }
  const common = Math.min(keyBytes, targetBytes);
  for (let index = 0; index < common; index += 1) {
    const difference = buffer[start + index]! - target[index]!;
    if (difference !== 0) {
      return difference;
    }
  }
  return keyBytes - targetBytes;
}

/**
 * Finds the first entry whose key is at or after `target[0..targetBytes)`. Returns its offset if the keys are equal,
 * otherwise the bitwise complement of its offset (of `entriesEnd` if there is none).
 *
 * No key is assembled during the search: `matched` counts the leading bytes that the target shares with the entry
 * before. An entry that shares more bytes than that with the entry before also comes before the target; one that shares
 * fewer comes after the target. Only if both numbers are equal are bytes compared.
 */
export function searchBlock(block: Block, target: Uint8Array, targetBytes: number): number {
  const { buffer } = block;
  let low = 0;
  let high = block.restartCount - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (compareRestart(block, restartOffset(block, middle), target, targetBytes) < 0) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  const end = low + 1 < block.restartCount ? restartOffset(block, low + 1) : block.entriesEnd;
  let at = restartOffset(block, low);
  let matched = 0;
  while (at < end) {
    const shared = readLength(buffer, at);
    if (shared < matched) {
      return ~at;
    }
    const lengthAt = at + lengthBytes(shared);
    const suffixBytes = readLength(buffer, lengthAt);
    const restAt = lengthAt + lengthBytes(suffixBytes);
    const restBytes = readLength(buffer, restAt);
    const suffix = restAt + lengthBytes(restBytes);
    const suffixEnd = suffix + suffixBytes;
    if (suffixEnd + restBytes > end) {
      throw malformedEntry(block, at, "it runs over the end of its interval");
    }
    if (shared === matched) {
      let index = suffix;
      while (index < suffixEnd && matched < targetBytes && buffer[index] === target[matched]) {
        index += 1;
        matched += 1;
      }
      if (index === suffixEnd) {
        if (matched === targetBytes) {
          return at;
        }
      } else if (matched === targetBytes || buffer[index]! > target[matched]!) {
        return ~at;
      }
    }
    at = suffixEnd + restBytes;
  }
  if (end === block.entriesEnd) {
    return ~end;
  }
  return compareRestart(block, end, target, targetBytes) === 0 ? end : ~end;
}

/** True if the entry at `at`, which follows one whose key is the target, has the same key. */
export function isSameKey(block: Block, at: number, target: Uint8Array, targetBytes: number): boolean {
  const { buffer } = block;
  const shared = readLength(buffer, at);
  const lengthAt = at + lengthBytes(shared);
  const suffixBytes = readLength(buffer, lengthAt);
  if (shared + suffixBytes !== targetBytes) {
    return false;
  }
  const restAt = lengthAt + lengthBytes(suffixBytes);
  const suffix = restAt + lengthBytes(readLength(buffer, restAt));
  for (let index = 0; index < suffixBytes; index += 1) {
    if (buffer[suffix + index] !== target[shared + index]) {
      return false;
    }
  }
  return true;
}

/** Reads everything but the key of the entry at `at` into `into`, and returns the offset of the next entry. */
export function readEntry(block: Block, at: number, into: Entry): number {
  const { buffer } = block;
  const shared = readLength(buffer, at);
  const lengthAt = at + lengthBytes(shared);
  const suffixBytes = readLength(buffer, lengthAt);
  const restAt = lengthAt + lengthBytes(suffixBytes);
  const restBytes = readLength(buffer, restAt);
  const suffixEnd = restAt + lengthBytes(restBytes) + suffixBytes;
  return readEntryRest(block, at, suffixEnd, suffixEnd + restBytes, into);
}

/** Reads what follows an entry's key, at `[restStart, entryEnd)`. Returns `entryEnd`. */
export function readEntryRest(
  block: Block,
  at: number,
  restStart: number,
  entryEnd: number,
  into: Entry,
): number {
  const { buffer } = block;
  const flags = buffer[restStart]!;
  const kind = flags & entryKindMask;
  if (entryEnd > block.entriesEnd || (flags & ~knownFlags) !== 0) {
    throw malformedEntry(block, at, "it has unknown flags or runs over the end of the block");
  }
  if (kind !== entryKind.put && kind !== entryKind.delete) {
    throw malformedEntry(block, at, `unknown kind ${kind}`);
  }
  const distance = readNumber(buffer, restStart + 2);
  let valueStart = restStart + 2 + numberBytes(distance);
  let expiresAt = 0;
  if ((flags & entryFlag.expires) !== 0) {
    valueStart += 8;
    expiresAt = valueStart > entryEnd ? 0 : buffer.readDoubleLE(valueStart - 8);
  }
  const sequence = block.baseSequence + ((flags & entryFlag.belowBase) === 0 ? distance : -distance);
  if (valueStart > entryEnd || sequence < 0 || sequence > Number.MAX_SAFE_INTEGER) {
    throw malformedEntry(block, at, "its lengths or its sequence number are impossible");
  }
  into.sequence = sequence;
  into.kind = kind as EntryKind;
  into.tag = buffer[restStart + 1]!;
  into.expiresAt = expiresAt;
  into.valueBuffer = buffer;
  into.valueStart = valueStart;
  into.valueEnd = entryEnd;
  return entryEnd;
}
