import type { ByteString } from "../../../shared/bytes.js";
import {
  keyBytesAt,
  keyStartAt,
  operationFlag,
  operationHeaderBytes,
} from "../../../shared/format/operations.js";
import type { Entry, EntryKind } from "../iterator/cursor.js";
import type { Arena } from "./arena.js";

/** Stands for "no row". */
export const none = -1;
const kindMask = 0x0f;
const firstCapacity = 256;

/**
 * The versions that a memtable holds. Each is a row of numbers in columns (typed arrays), and its bytes lie in the
 * arena, so that neither the collector nor a flush has to handle one object per version.
 */
export class Rows {
  readonly arena: Arena;
  #count = 0;
  #sequences = new Float64Array(firstCapacity);
  #chunks = new Uint16Array(firstCapacity);
  #offsets = new Uint32Array(firstCapacity);
  #older = new Int32Array(firstCapacity);

  constructor(arena: Arena) {
    this.arena = arena;
  }

  get count(): number {
    return this.#count;
  }

  /** Allocated bytes, used or not. */
  get memoryBytes(): number {
    return (
      this.#sequences.byteLength + this.#chunks.byteLength + this.#offsets.byteLength + this.#older.byteLength
    );
  }

  /** Adds the operation at `offset` of an arena's chunk. `older`: the version before it, or `none`. */
  add(sequence: number, chunk: number, offset: number, older: number): number {
    const row = this.#count;
    if (row === this.#sequences.length) {
      this.#grow();
    }
    this.#sequences[row] = sequence;
    this.#chunks[row] = chunk;
    this.#offsets[row] = offset;
    this.#older[row] = older;
    this.#count = row + 1;
    return row;
  }

  #grow(): void {
    const capacity = this.#sequences.length * 2;
    this.#sequences = copied(this.#sequences, new Float64Array(capacity));
    this.#chunks = copied(this.#chunks, new Uint16Array(capacity));
    this.#offsets = copied(this.#offsets, new Uint32Array(capacity));
    this.#older = copied(this.#older, new Int32Array(capacity));
  }

  sequenceOf(row: number): number {
    return this.#sequences[row]!;
  }

  /** The row of the next older version, or `none`. */
  olderOf(row: number): number {
    return this.#older[row]!;
  }

  setOlder(row: number, older: number): void {
    this.#older[row] = older;
  }

  read(row: number, into: Entry): void {
    const buffer = this.arena.buffer(this.#chunks[row]!);
    const offset = this.#offsets[row]!;
    const keyStart = keyStartAt(buffer, offset);
    into.sequence = this.#sequences[row]!;
    into.kind = (buffer[offset]! & kindMask) as EntryKind;
    into.tag = buffer[offset + 1]!;
    const expires = (buffer[offset]! & operationFlag.expires) !== 0;
    into.expiresAt = expires ? buffer.readDoubleLE(offset + operationHeaderBytes) : 0;
    into.valueBuffer = buffer;
    into.valueStart = keyStart + keyBytesAt(buffer, offset);
    into.valueEnd = into.valueStart + buffer.readUInt32LE(offset + 4);
  }

  // Keys

  keyOf(row: number): ByteString {
    const buffer = this.arena.buffer(this.#chunks[row]!);
    const offset = this.#offsets[row]!;
    const start = keyStartAt(buffer, offset);
    return buffer.latin1Slice(start, start + keyBytesAt(buffer, offset));
  }

  /**
   * Below 0 if the key of `a` comes first, above 0 if that of `b` does. `known`: how many leading bytes of them are the
   * same.
   */
  compare(a: number, b: number, known = 0): number {
    const bufferA = this.arena.buffer(this.#chunks[a]!);
    const bufferB = this.arena.buffer(this.#chunks[b]!);
    const offsetA = this.#offsets[a]!;
    const offsetB = this.#offsets[b]!;
    const startA = keyStartAt(bufferA, offsetA);
    const startB = keyStartAt(bufferB, offsetB);
    const endA = startA + keyBytesAt(bufferA, offsetA);
    const endB = startB + keyBytesAt(bufferB, offsetB);
    return compareBytes(bufferA, startA + known, endA, bufferB, startB + known, endB);
  }

  /** The same for a row and the key `bytes[start..end)`; 0 if the row has that key. */
  compareTo(row: number, bytes: Buffer, start: number, end: number): number {
    const buffer = this.arena.buffer(this.#chunks[row]!);
    const offset = this.#offsets[row]!;
    const keyStart = keyStartAt(buffer, offset);
    return compareBytes(buffer, keyStart, keyStart + keyBytesAt(buffer, offset), bytes, start, end);
  }

  /** Whether the row's key is `bytes[start..end)`. */
  hasKey(row: number, bytes: Buffer, start: number, end: number): boolean {
    const buffer = this.arena.buffer(this.#chunks[row]!);
    return (
      keyBytesAt(buffer, this.#offsets[row]!) === end - start && this.compareTo(row, bytes, start, end) === 0
    );
  }

  /**
   * How many leading bytes the keys of two rows have in common, at most `most`. The first `known` are known to be
   * equal.
   */
  commonBytes(a: number, b: number, known: number, most: number): number {
    const bufferA = this.arena.buffer(this.#chunks[a]!);
    const bufferB = this.arena.buffer(this.#chunks[b]!);
    const offsetA = this.#offsets[a]!;
    const offsetB = this.#offsets[b]!;
    const bytes = Math.min(most, keyBytesAt(bufferA, offsetA), keyBytesAt(bufferB, offsetB));
    const startA = keyStartAt(bufferA, offsetA);
    const startB = keyStartAt(bufferB, offsetB);
    return commonPrefix(bufferA, startA, bufferB, startB, known, bytes);
  }

  /**
   * Four bytes of the row's key from byte `from` on, the first one highest, as a signed integer. Bytes beyond its end
   * are 0.
   */
  keyWord(row: number, from: number): number {
    const buffer = this.arena.buffer(this.#chunks[row]!);
    const offset = this.#offsets[row]!;
    const keyStart = keyStartAt(buffer, offset);
    const end = keyStart + keyBytesAt(buffer, offset);
    const at = keyStart + from;
    if (at + 4 <= end) {
      return (buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!;
    }
    let word = 0;
    for (let byte = at; byte < at + 4; byte++) {
      word = (word << 8) | (byte < end ? buffer[byte]! : 0);
    }
    return word;
  }

  /** One byte of the row's key; 0 beyond its end. */
  keyByte(row: number, at: number): number {
    const buffer = this.arena.buffer(this.#chunks[row]!);
    const offset = this.#offsets[row]!;
    return at < keyBytesAt(buffer, offset) ? buffer[keyStartAt(buffer, offset) + at]! : 0;
  }
}

function copied<Column extends Float64Array | Uint16Array | Uint32Array | Int32Array>(
  from: Column,
  to: Column,
): Column {
  to.set(from);
  return to;
}

/** Up to this many bytes are compared by a loop; a call into native code takes as long as that. */
const loopBytes = 32;

/** Like `Buffer.compare`, of `a[startA..endA)` and `b[startB..endB)`. */
function compareBytes(
  a: Buffer,
  startA: number,
  endA: number,
  b: Buffer,
  startB: number,
  endB: number,
): number {
  const shorter = Math.min(endA - startA, endB - startB);
  const looped = Math.min(shorter, loopBytes);
  for (let at = 0; at < looped; at++) {
    const difference = a[startA + at]! - b[startB + at]!;
    if (difference !== 0) {
      return difference;
    }
  }
  if (shorter > loopBytes) {
    return a.compare(b, startB + looped, endB, startA + looped, endA);
  }
  return endA - startA - (endB - startB);
}

/**
 * How many bytes from `startA` and `startB` on are the same, at most `most`. The first `known` are known to be equal.
 */
function commonPrefix(
  a: Buffer,
  startA: number,
  b: Buffer,
  startB: number,
  known: number,
  most: number,
): number {
  let at = known;
  const isSame = (bytes: number): boolean =>
    at + bytes <= most &&
    a.compare(b, startB + at, startB + at + bytes, startA + at, startA + at + bytes) === 0;
  let step = loopBytes * 2;
  for (; isSame(step); step *= 2) {
    at += step;
  }
  for (; step >= loopBytes; step /= 2) {
    at += isSame(step) ? step : 0;
  }
  while (at < most && a[startA + at] === b[startB + at]) {
    at += 1;
  }
  return at;
}
