/**
 * The frames between coordinator and shard. Little-endian; protocol version 1. Both ends belong to one installation and
 * one start, so the version is only checked, never negotiated.
 *
 * Every frame starts with
 *
 *     offset  size  field
 *          0     4  frame length in bytes, this field included
 *          4     1  protocol version
 *          5     1  frame type
 *
 * **Operations** (to the shard): the writes and point reads of one turn.
 *
 *          6     1  flags (`operationsFlag`)
 *          7     1  zero
 *          8     8  the coordinator's clock, ms, float64
 *         16     8  sequence number of the first write
 *         24     8  sequence number of the last write
 *         32     8  batches up to here have their record on disk in the batch log
 *         40     8  refusals up to here are known to the coordinator
 *         48     4  bytes of writes W
 *         52     4  bytes of reads R
 *         56     W  a section of operations (format/operations.ts), as it is written to the WAL
 *       56+W     R  reads, in sequence
 *
 * A read:
 *
 *          0     1  flags (`readFlag`)
 *          1     1  zero
 *          2     2  key length K
 *          4     4  how many bytes of the writes come before it
 *          8    16  sequence number and clock (float64): only with flag `snapshot`
 *       8/24     K  key
 *
 * **Answers** (from the shard): how far its writes have come, and the answers to reads, in the order of the reads.
 *
 *          6     2  zero
 *          8     8  every write up to here is in the WAL or was refused
 *         16     8  every write up to here is on disk
 *         24     8  first refused sequence number, or 0
 *         32     8  last refused sequence number (logged batches in between were accepted nevertheless)
 *         40     4  number of answers A
 *         44     4  bytes of the refusal's error report (msgpack) E
 *         48     4  bytes of values V
 *         52     4  zero
 *         56     E  the report
 *       56+E     V  the values, in sequence, each followed by a comma
 *     56+E+V  16*A  answers
 *
 * An answer:
 *
 *          0     2  zero
 *          2     1  encoding tag
 *          3     1  status (`answerStatus`)
 *          4     4  value length (of an error report, msgpack, if the status is `error`), without the comma
 *          8     8  expiry, ms, float64; 0 for never
 *
 * Values are stored together, with commas in between, so that a run of JSON texts can be parsed at once.
 *
 * **Page requests** and **pages** (a piece of a scan): see page.ts.
 *
 * **Messages** (request, reply, failure, event; both ways): everything that is not hot.
 *
 *          6     2  zero
 *          8     4  request id; 0 if no reply is wanted
 *         12     4  meta length M
 *         16     M  msgpack
 *       16+M        raw bytes (a section of a bulk load)
 */

import { Packr } from "msgpackr";
import { readUint64, writeUint64 } from "../bytes.js";
import { unpackChecked } from "../codec/checked-unpack.js";
import { FastKVError } from "../errors.js";

export const protocolVersion = 1;

export const frameType = {
  operations: 1,
  answers: 2,
  request: 3,
  reply: 4,
  failure: 5,
  event: 6,
  pageRequest: 7,
  page: 8,
} as const;
export type FrameType = (typeof frameType)[keyof typeof frameType];

/**
 * - `sync`: the writes must be synced.
 * - `seal`: the writes are the commit of a bulk load; older data is sealed first.
 * - `resent`: the writes are sent again after a restart and may have been acknowledged, so they must not be refused.
 * - `logOutage`: the batch log has no disk space, or can no longer be written; waiting for it may take forever.
 */
export const operationsFlag = { sync: 1, seal: 2, resent: 4, logOutage: 8 } as const;
export const readFlag = { snapshot: 1, noValue: 2 } as const;
export const answerStatus = { found: 0, missing: 1, error: 2 } as const;

export const operationsHeaderBytes = 56;
export const answersHeaderBytes = 56;
export const messageHeaderBytes = 16;
export const readHeaderBytes = 8;
export const readSnapshotBytes = 16;
/** The description of a value in answers and pages: encoding tag at 2, status at 3, length at 4, expiry at 8. */
export const valueHeaderBytes = 16;
/** Follows each value. */
export const valueSeparator = 0x2c;

export interface OperationsHeader {
  flags: number;
  timeMs: number;
  firstSequence: number;
  lastSequence: number;
  logSyncedSequence: number;
  confirmedSequence: number;
  writeBytes: number;
  readBytes: number;
}

export function protocolError(what: string): FastKVError {
  return new FastKVError("FASTKV_INTERNAL", `Malformed frame: ${what}`);
}

export function writePrefix(target: Buffer, type: FrameType, length: number): void {
  target.writeUInt32LE(length, 0);
  target[4] = protocolVersion;
  target[5] = type;
  target[6] = 0;
  target[7] = 0;
}

export function frameTypeOf(frame: Buffer): FrameType {
  if (frame[4] !== protocolVersion) {
    throw protocolError(`protocol version ${frame[4]}`);
  }
  const type = frame[5]!;
  if (type < frameType.operations || type > frameType.page) {
    throw protocolError(`type ${type}`);
  }
  return type as FrameType;
}

export function writeOperationsHeader(target: Buffer, header: OperationsHeader): void {
  writePrefix(target, frameType.operations, operationsHeaderBytes + header.writeBytes + header.readBytes);
  target[6] = header.flags;
  target.writeDoubleLE(header.timeMs, 8);
  writeUint64(target, header.firstSequence, 16);
  writeUint64(target, header.lastSequence, 24);
  writeUint64(target, header.logSyncedSequence, 32);
  writeUint64(target, header.confirmedSequence, 40);
  target.writeUInt32LE(header.writeBytes, 48);
  target.writeUInt32LE(header.readBytes, 52);
}

export function readOperationsHeader(frame: Buffer): OperationsHeader {
  if (frame.length < operationsHeaderBytes) {
    throw protocolError("too short for operations");
  }
  const header = {
    flags: frame[6]!,
    timeMs: frame.readDoubleLE(8),
    firstSequence: readUint64(frame, 16),
    lastSequence: readUint64(frame, 24),
    logSyncedSequence: readUint64(frame, 32),
    confirmedSequence: readUint64(frame, 40),
    writeBytes: frame.readUInt32LE(48),
    readBytes: frame.readUInt32LE(52),
  };
  if (operationsHeaderBytes + header.writeBytes + header.readBytes !== frame.length) {
    throw protocolError("its parts do not add up to its length");
  }
  return header;
}

export interface AnswersHeader {
  writtenSequence: number;
  syncedSequence: number;
  refusedFrom: number;
  refusedTo: number;
  answers: number;
  reportBytes: number;
  valueBytes: number;
}

export function writeAnswersHeader(target: Buffer, length: number, header: AnswersHeader): void {
  writePrefix(target, frameType.answers, length);
  writeUint64(target, header.writtenSequence, 8);
  writeUint64(target, header.syncedSequence, 16);
  writeUint64(target, header.refusedFrom, 24);
  writeUint64(target, header.refusedTo, 32);
  target.writeUInt32LE(header.answers, 40);
  target.writeUInt32LE(header.reportBytes, 44);
  target.writeUInt32LE(header.valueBytes, 48);
  target.writeUInt32LE(0, 52);
}

export function readAnswersHeader(frame: Buffer): AnswersHeader {
  if (frame.length < answersHeaderBytes) {
    throw protocolError("too short for answers");
  }
  const header = {
    writtenSequence: readUint64(frame, 8),
    syncedSequence: readUint64(frame, 16),
    refusedFrom: readUint64(frame, 24),
    refusedTo: readUint64(frame, 32),
    answers: frame.readUInt32LE(40),
    reportBytes: frame.readUInt32LE(44),
    valueBytes: frame.readUInt32LE(48),
  };
  const { reportBytes, valueBytes, answers } = header;
  if (answersHeaderBytes + reportBytes + valueBytes + answers * valueHeaderBytes !== frame.length) {
    throw protocolError("its parts do not add up to its length");
  }
  return header;
}

const packr = new Packr({ useRecords: false });
const noBytes = Buffer.alloc(0);

/** Encodes a message as a frame in its own memory. */
export function encodeMessage(type: FrameType, id: number, meta: unknown, raw: Buffer = noBytes): Buffer {
  const packed = packr.pack(meta);
  const frame = Buffer.allocUnsafe(messageHeaderBytes + packed.length + raw.length);
  writePrefix(frame, type, frame.length);
  frame.writeUInt32LE(id, 8);
  frame.writeUInt32LE(packed.length, 12);
  packed.copy(frame, messageHeaderBytes);
  raw.copy(frame, messageHeaderBytes + packed.length);
  return frame;
}

export interface Message {
  type: FrameType;
  id: number;
  meta: unknown;
  /** A view into the frame. */
  raw: Buffer;
}

export function decodeMessage(frame: Buffer): Message {
  if (frame.length < messageHeaderBytes) {
    throw protocolError("too short for a message");
  }
  const metaEnd = messageHeaderBytes + frame.readUInt32LE(12);
  if (metaEnd > frame.length) {
    throw protocolError("its meta data does not fit");
  }
  return {
    type: frameTypeOf(frame),
    id: frame.readUInt32LE(8),
    meta: unpackSmall(frame.subarray(messageHeaderBytes, metaEnd)),
    raw: frame.subarray(metaEnd),
  };
}

/** Packs small values inside frames, such as error reports, as msgpack. Returns a copy that may be kept. */
export function packSmall(value: unknown): Buffer {
  return Buffer.from(packr.pack(value));
}

export function unpackSmall(bytes: Buffer): unknown {
  try {
    return unpackChecked(bytes);
  } catch (cause) {
    throw protocolError(`its msgpack is malformed (${(cause as Error).message})`);
  }
}
