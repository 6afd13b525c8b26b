/**
 * Pieces of scans on the wire. Little-endian, after the prefix that all frames have (frame.ts).
 *
 * **Page request** (to the shard):
 *
 *     offset  size  field
 *          6     1  mode (`pageMode`)
 *          7     1  flags (`pageFlag`)
 *          8     4  request id
 *         12     4  maximum number of entries
 *         16     4  maximum number of bytes
 *         20     4  bytes of the lower bound L
 *         24     4  bytes of the upper bound U
 *         28     4  number of released holds H
 *         32     8  a hold to take before the page is read; released by the message `release` or a later page request
 *         40     8  sequence number up to which the reader sees
 *         48     8  the reader's clock, ms, float64
 *         56     L  lower bound, inclusive
 *       56+L     U  upper bound, exclusive
 *     56+L+U   8*H  the released holds
 *
 * **Page** (from the shard):
 *
 *          6     1  flags (`pageFlag`): `more` if a part of the range remains, `upper` if that part has an end
 *          7     1  zero
 *          8     4  request id
 *         12     4  number of entries N
 *         16     4  bytes of values V
 *         20     4  bytes of keys K
 *         24     4  bytes of the rest's lower bound L
 *         28     4  bytes of the rest's upper bound U
 *         32     V  the values, in sequence, each followed by a comma
 *       32+V  16*N  entries; none for a count
 *             K  the keys, in sequence
 *             L  the rest's lower bound
 *             U  the rest's upper bound
 *
 * An entry:
 *
 *          0     2  key length
 *          2     1  encoding tag
 *          3     1  zero
 *          4     4  value length, without the comma
 *          8     8  expiry, ms, float64; 0 for never
 */

import { readUint64, uint64Bytes, writeUint64 } from "../bytes.js";
import { frameType, protocolError, valueHeaderBytes, writePrefix } from "./frame.js";

export const pageMode = { entries: 0, keys: 1, count: 2 } as const;
export type PageMode = (typeof pageMode)[keyof typeof pageMode];

const pageFlag = { reverse: 1, upper: 2, more: 4 } as const;

const requestHeaderBytes = 56;
export const pageHeaderBytes = 32;

/** From `lower` (inclusive) to `upper` (exclusive; null means no upper end). */
export interface PageRange {
  lower: Uint8Array;
  upper: Uint8Array | null;
}

export interface PageRequest extends PageRange {
  type: "page";
  mode: PageMode;
  reverse: boolean;
  sequence: number;
  timeMs: number;
  maxEntries: number;
  maxBytes: number;
  holdId: number;
}

export function encodePageRequest(id: number, request: PageRequest, released: readonly number[]): Buffer {
  const { lower, upper } = request;
  const upperBytes = upper === null ? 0 : upper.length;
  const releasedStart = requestHeaderBytes + lower.length + upperBytes;
  const frame = Buffer.allocUnsafe(releasedStart + released.length * uint64Bytes);
  writePrefix(frame, frameType.pageRequest, frame.length);
  frame[6] = request.mode;
  frame[7] = (request.reverse ? pageFlag.reverse : 0) | (upper === null ? 0 : pageFlag.upper);
  frame.writeUInt32LE(id, 8);
  frame.writeUInt32LE(request.maxEntries, 12);
  frame.writeUInt32LE(request.maxBytes, 16);
  frame.writeUInt32LE(lower.length, 20);
  frame.writeUInt32LE(upperBytes, 24);
  frame.writeUInt32LE(released.length, 28);
  writeUint64(frame, request.holdId, 32);
  writeUint64(frame, request.sequence, 40);
  frame.writeDoubleLE(request.timeMs, 48);
  frame.set(lower, requestHeaderBytes);
  if (upper !== null) {
    frame.set(upper, requestHeaderBytes + lower.length);
  }
  for (let at = 0; at < released.length; at++) {
    writeUint64(frame, released[at]!, releasedStart + at * uint64Bytes);
  }
  return frame;
}

export interface DecodedPageRequest {
  id: number;
  /** Its bounds are views into the frame. */
  request: PageRequest;
  released: number[];
}

export function decodePageRequest(frame: Buffer): DecodedPageRequest {
  if (frame.length < requestHeaderBytes) {
    throw protocolError("too short for a page request");
  }
  const lowerEnd = requestHeaderBytes + frame.readUInt32LE(20);
  const upperEnd = lowerEnd + frame.readUInt32LE(24);
  const releasedCount = frame.readUInt32LE(28);
  if (upperEnd + releasedCount * uint64Bytes !== frame.length) {
    throw protocolError("its parts do not add up to its length");
  }
  const mode = frame[6]!;
  if (mode !== pageMode.entries && mode !== pageMode.keys && mode !== pageMode.count) {
    throw protocolError(`a page of the kind ${mode}`);
  }
  const flags = frame[7]!;
  const released: number[] = [];
  for (let at = 0; at < releasedCount; at++) {
    released.push(readUint64(frame, upperEnd + at * uint64Bytes));
  }
  return {
    id: frame.readUInt32LE(8),
    request: {
      type: "page",
      mode,
      reverse: (flags & pageFlag.reverse) !== 0,
      maxEntries: frame.readUInt32LE(12),
      maxBytes: frame.readUInt32LE(16),
      lower: frame.subarray(requestHeaderBytes, lowerEnd),
      upper: (flags & pageFlag.upper) === 0 ? null : frame.subarray(lowerEnd, upperEnd),
      holdId: readUint64(frame, 32),
      sequence: readUint64(frame, 40),
      timeMs: frame.readDoubleLE(48),
    },
    released,
  };
}

/** The positions of a page's parts in its frame. */
export interface PageLayout {
  entries: number;
  /**
   * Start of the values, of the entries' descriptions, and of the keys. The last two are equal in the page of a count.
   */
  valuesStart: number;
  headersStart: number;
  keysStart: number;
  keysEnd: number;
  /** The remaining range; its bounds are views into the frame. */
  rest: PageRange | null;
}

/** The content of a page's header about the parts after it. */
export interface PageParts {
  entries: number;
  valueBytes: number;
  keyBytes: number;
  rest: PageRange | null;
}

/** Writes the header of a frame that has everything else. */
export function finishPage(
  frame: Buffer,
  id: number,
  { entries, valueBytes, keyBytes, rest }: PageParts,
): void {
  const upper = rest === null ? null : rest.upper;
  writePrefix(frame, frameType.page, frame.length);
  frame[6] = (rest === null ? 0 : pageFlag.more) | (upper === null ? 0 : pageFlag.upper);
  frame[7] = 0;
  frame.writeUInt32LE(id, 8);
  frame.writeUInt32LE(entries, 12);
  frame.writeUInt32LE(valueBytes, 16);
  frame.writeUInt32LE(keyBytes, 20);
  frame.writeUInt32LE(rest === null ? 0 : rest.lower.length, 24);
  frame.writeUInt32LE(upper === null ? 0 : upper.length, 28);
}

export function pageIdOf(frame: Buffer): number {
  return frame.readUInt32LE(8);
}

export function decodePage(frame: Buffer): PageLayout {
  if (frame.length < pageHeaderBytes) {
    throw protocolError("too short for a page");
  }
  const flags = frame[6]!;
  const entries = frame.readUInt32LE(12);
  const headersStart = pageHeaderBytes + frame.readUInt32LE(16);
  const keyBytes = frame.readUInt32LE(20);
  const lowerBytes = frame.readUInt32LE(24);
  const upperStart = frame.length - frame.readUInt32LE(28);
  const lowerStart = upperStart - lowerBytes;
  const keysStart = lowerStart - keyBytes;
  const isCount = keysStart === headersStart;
  if (keysStart < headersStart || (!isCount && keysStart !== headersStart + entries * valueHeaderBytes)) {
    throw protocolError("its parts do not add up to its length");
  }
  return {
    entries,
    valuesStart: pageHeaderBytes,
    headersStart,
    keysStart,
    keysEnd: lowerStart,
    rest:
      (flags & pageFlag.more) === 0
        ? null
        : {
            lower: frame.subarray(lowerStart, upperStart),
            upper: (flags & pageFlag.upper) === 0 ? null : frame.subarray(upperStart),
          },
  };
}
