/**
 * The write operation, in the one format that it has everywhere: in a frame to a shard, in a WAL record, in a batch-log
 * record and in a memtable's arena. FROZEN (format version 1). Little-endian.
 *
 *     offset  size  field
 *          0     1  kind (low 4 bits) and flags (high 4 bits)
 *          1     1  put: value encoding tag · deleteRange: bound flags · else 0
 *          2     2  key length K, 0 to 65,535
 *          4     4  value length V
 *          8     4  sequence delta: the operation's sequence number minus the section's first one
 *         12     8  expiry, ms since the epoch, float64: only with flag `expires`
 *      12/20     K  key (deleteRange: lower bound)
 *    12/20+K     V  value (deleteRange: upper bound; ingest: the load's id, 16 bytes)
 *
 * Operations follow each other in a *section*; the sequence number of the first is stored beside the section. All
 * operations of a batch have the same sequence number; of two on the same key the later one wins.
 */

import { FastKVError } from "../errors.js";

/** FROZEN. */
export const operationKind = { put: 1, delete: 2, deleteRange: 3, ingest: 4 } as const;
export type OperationKind = (typeof operationKind)[keyof typeof operationKind];

/** FROZEN. `logged`: part of a batch that must have its record in the batch log. */
export const operationFlag = { expires: 0x10, logged: 0x20 } as const;

/** FROZEN. Stored in the byte at offset 1 of a deleteRange. */
export const rangeFlag = { lowerExclusive: 1, upperInclusive: 2, unbounded: 4 } as const;

export const operationHeaderBytes = 12;
const expiryBytes = 8;
const kindMask = 0x0f;
const knownFlags = operationFlag.expires | operationFlag.logged;

/** One operation to write. `expiresAt` 0 means never. */
export interface Operation {
  kind: OperationKind;
  tag: number;
  expiresAt: number;
  logged: boolean;
  key: Uint8Array;
  value: Uint8Array;
}

export function operationBytes(keyBytes: number, valueBytes: number, expires: boolean): number {
  return operationHeaderBytes + (expires ? expiryBytes : 0) + keyBytes + valueBytes;
}

/** Returns the key length of the well-formed operation at `offset`. */
export function keyBytesAt(buffer: Uint8Array, offset: number): number {
  return buffer[offset + 2]! | (buffer[offset + 3]! << 8);
}

/** Returns where the key of the well-formed operation at `offset` begins. */
export function keyStartAt(buffer: Uint8Array, offset: number): number {
  const expires = (buffer[offset]! & operationFlag.expires) !== 0;
  return offset + operationHeaderBytes + (expires ? expiryBytes : 0);
}

/** Writes the header. Returns the offset at which key and value must follow. */
export function writeOperationHeader(
  target: Buffer,
  offset: number,
  kindAndLogged: number,
  tag: number,
  keyBytes: number,
  valueBytes: number,
  sequenceDelta: number,
  expiresAt: number,
): number {
  target[offset] = expiresAt === 0 ? kindAndLogged : kindAndLogged | operationFlag.expires;
  target[offset + 1] = tag;
  target.writeUInt16LE(keyBytes, offset + 2);
  target.writeUInt32LE(valueBytes, offset + 4);
  target.writeUInt32LE(sequenceDelta, offset + 8);
  if (expiresAt === 0) {
    return offset + operationHeaderBytes;
  }
  target.writeDoubleLE(expiresAt, offset + operationHeaderBytes);
  return offset + operationHeaderBytes + expiryBytes;
}

/**
 * Iterates over a section without allocating: `next()` advances and fills the public fields. Every length is checked
 * against the section's end; a malformed operation throws `FASTKV_CORRUPTION` with the offset.
 */
export class OperationReader {
  kind: OperationKind = operationKind.put;
  tag = 0;
  logged = false;
  sequenceDelta = 0;
  expiresAt = 0;
  /** Positions in `buffer`: start of the operation, of its key and of its value, and end of the operation. */
  start = 0;
  keyStart = 0;
  valueStart = 0;
  end = 0;

  readonly buffer: Buffer;
  readonly #limit: number;

  constructor(buffer: Buffer, start = 0, limit = buffer.length) {
    this.buffer = buffer;
    this.end = start;
    this.#limit = limit;
  }

  /** Moves to the next operation. Returns false at the end of the section. */
  next(): boolean {
    const { buffer, end: start } = this;
    const limit = this.#limit;
    if (start >= limit) {
      return false;
    }
    if (start + operationHeaderBytes > limit) {
      throw this.#malformed(start, "the section ends within a header");
    }
    const first = buffer[start]!;
    const kind = first & kindMask;
    const flags = first & ~kindMask;
    if (kind < operationKind.put || kind > operationKind.ingest || (flags & ~knownFlags) !== 0) {
      throw this.#malformed(start, `unknown kind or flags ${first}`);
    }
    this.kind = kind as OperationKind;
    this.logged = (flags & operationFlag.logged) !== 0;
    this.tag = buffer[start + 1]!;
    const keyBytes = buffer.readUInt16LE(start + 2);
    const valueBytes = buffer.readUInt32LE(start + 4);
    this.sequenceDelta = buffer.readUInt32LE(start + 8);
    let keyStart = start + operationHeaderBytes;
    if ((flags & operationFlag.expires) === 0) {
      this.expiresAt = 0;
    } else {
      if (keyStart + expiryBytes > limit) {
        throw this.#malformed(start, "the section ends within an expiry");
      }
      this.expiresAt = buffer.readDoubleLE(keyStart);
      keyStart += expiryBytes;
    }
    const valueStart = keyStart + keyBytes;
    if (valueStart + valueBytes > limit) {
      throw this.#malformed(start, "the section ends within a key or value");
    }
    this.start = start;
    this.keyStart = keyStart;
    this.valueStart = valueStart;
    this.end = valueStart + valueBytes;
    return true;
  }

  #malformed(offset: number, what: string): FastKVError {
    return new FastKVError("FASTKV_CORRUPTION", `Malformed operation at offset ${offset}: ${what}`);
  }
}

/**
 * Throws unless a section is well-formed. Called before it is written to a WAL, which could not be replayed otherwise.
 * About 10 ns per operation.
 */
export function checkSection(section: Buffer): void {
  const limit = section.length;
  let at = 0;
  while (at + operationHeaderBytes <= limit) {
    const first = section[at]!;
    const kind = first & kindMask;
    if (kind < operationKind.put || kind > operationKind.ingest || (first & ~(kindMask | knownFlags)) !== 0) {
      break;
    }
    // Byte by byte, which is several times faster than the methods of Buffer.
    const keyBytes = section[at + 2]! | (section[at + 3]! << 8);
    const lowBytes = section[at + 4]! | (section[at + 5]! << 8) | (section[at + 6]! << 16);
    const expires = (first & operationFlag.expires) !== 0;
    at += operationBytes(keyBytes, lowBytes + section[at + 7]! * 0x100_0000, expires);
  }
  if (at !== limit) {
    throw new FastKVError(
      "FASTKV_CORRUPTION",
      `A section of operations is malformed at or behind byte ${at}`,
    );
  }
}

/** Marks every operation of a section as belonging to a batch of the batch log. */
export function markLogged(section: Buffer): void {
  forEachHeader(section, 0, section.length, (at) => {
    section[at] = section[at]! | operationFlag.logged;
  });
}

/** Gives every operation in `buffer[start..end)` the same sequence delta. */
export function setDeltas(buffer: Buffer, start: number, end: number, delta: number): void {
  forEachHeader(buffer, start, end, (at) => {
    buffer.writeUInt32LE(delta, at + 8);
  });
}

/** Whether a part of a logged batch is the commit of a bulk load, which is then its only operation. */
export function isLoadCommit(section: Buffer): boolean {
  return (section[0]! & kindMask) === operationKind.ingest;
}

/** For well-formed operations, such as FastKV's own. */
function forEachHeader(buffer: Buffer, start: number, end: number, call: (at: number) => void): void {
  let at = start;
  while (at < end) {
    call(at);
    const expires = (buffer[at]! & operationFlag.expires) !== 0;
    at += operationBytes(buffer.readUInt16LE(at + 2), buffer.readUInt32LE(at + 4), expires);
  }
}

/** A growing buffer of operations: one frame's writes, or one batch. */
export class OperationSection {
  buffer: Buffer;
  length = 0;

  constructor(capacityBytes: number) {
    this.buffer = Buffer.allocUnsafeSlow(capacityBytes);
  }

  /** Makes space for `bytes` more. */
  reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed > this.buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2));
      this.buffer.copy(larger, 0, 0, this.length);
      this.buffer = larger;
    }
  }

  append(operation: Operation, sequenceDelta: number): void {
    const { key, value } = operation;
    this.reserve(operationBytes(key.byteLength, value.byteLength, operation.expiresAt !== 0));
    const keyStart = writeOperationHeader(
      this.buffer,
      this.length,
      operation.logged ? operation.kind | operationFlag.logged : operation.kind,
      operation.tag,
      key.byteLength,
      value.byteLength,
      sequenceDelta,
      operation.expiresAt,
    );
    this.buffer.set(key, keyStart);
    this.buffer.set(value, keyStart + key.byteLength);
    this.length = keyStart + key.byteLength + value.byteLength;
  }

  bytes(): Buffer {
    return this.buffer.subarray(0, this.length);
  }
}

/** A section, with the sequence number from which its deltas count. */
export interface SectionPart {
  section: Buffer;
  firstSequence: number;
  lastSequence: number;
}

/** Operations taken from a section; `from[i]` is where the i-th of them began in it. */
export interface FilteredSection extends SectionPart {
  from: number[];
}

/** Returns the operations of a section for which `keep` returns true, as a new section; undefined if there are none. */
export function filterSection(
  section: Buffer,
  firstSequence: number,
  keep: (operation: OperationReader, sequence: number) => boolean,
): FilteredSection | undefined {
  const reader = new OperationReader(section);
  const part = new OperationSection(256);
  const from: number[] = [];
  let first = 0;
  let last = 0;
  while (reader.next()) {
    const sequence = firstSequence + reader.sequenceDelta;
    if (keep(reader, sequence)) {
      first = part.length === 0 ? sequence : first;
      last = sequence;
      from.push(reader.start);
      const { kind, tag, expiresAt, logged, keyStart, valueStart, end } = reader;
      const key = section.subarray(keyStart, valueStart);
      const value = section.subarray(valueStart, end);
      part.append({ kind, tag, expiresAt, logged, key, value }, sequence - first);
    }
  }
  return part.length === 0
    ? undefined
    : { section: part.bytes(), firstSequence: first, lastSequence: last, from };
}
