import type { ByteString } from "../../../shared/bytes.js";
import {
  type OperationReader,
  operationFlag,
  operationHeaderBytes,
  operationKind,
} from "../../../shared/format/operations.js";
import { makeParts, partOf } from "../../../shared/map-parts.js";
import type { Entry, EntryKind } from "../iterator/cursor.js";
import { Arena, type SharedArena } from "./arena.js";
import { KeyOrder } from "./key-order.js";
import type { ArenaSection } from "./section-index.js";

const none = -1;
const kindMask = 0x0f;

/**
 * What one distinct key costs beside its bytes: the string's header and padding, its slot in the hash map (with
 * the map's spare room) and in the order. Measured with `process.memoryUsage` over a million keys.
 */
const overheadBytesPerKey = 96;
/** The columns of one version, with their spare room. */
const overheadBytesPerVersion = 28;

/**
 * The newest writes of a shard: a hash map from key to its newest version, and chains of older versions that a
 * snapshot still sees. Versions are rows in columns (typed arrays), their bytes lie in the arena, so that neither
 * the collector nor a flush has an object for each entry to handle.
 */
export class Memtable {
  /** The first WAL segment that holds operations of this memtable. */
  readonly firstLogNumber: number;
  minSequence = Number.POSITIVE_INFINITY;
  maxSequence = 0;
  /** The highest sequence number of a batch that must be in the batch log before this memtable is flushed. */
  maxLoggedSequence = 0;

  readonly arena: Arena;
  readonly #newest = makeParts<number>();
  readonly #order: KeyOrder;
  #keys = 0;
  #rows = 0;
  #keyBytes = 0;
  #deletes = 0;
  #expiring = 0;
  #sequences = new Float64Array(256);
  #chunks = new Uint16Array(256);
  #offsets = new Uint32Array(256);
  #older = new Int32Array(256);

  constructor(
    firstLogNumber: number,
    expectedBytes: number,
    arena = new Arena(expectedBytes),
    order = new KeyOrder(),
  ) {
    this.firstLogNumber = firstLogNumber;
    this.arena = arena;
    this.#order = order;
  }

  /** Distinct keys, deleted ones included. */
  get keys(): number {
    return this.#keys;
  }

  /** Keys whose newest version is a delete, as counted when they came: at least the true number. */
  get deletes(): number {
    return this.#deletes;
  }

  /** Versions that expire some day. */
  get expiring(): number {
    return this.#expiring;
  }

  /** Whether anything was applied, also where it left no key: a clear that found none, or a bulk load's commit. */
  get isTouched(): boolean {
    return this.maxSequence > 0;
  }

  get isEmpty(): boolean {
    return this.#rows === 0;
  }

  /** Bytes really held: the arena, the columns, and what V8 holds for keys, map and order. */
  get memoryBytes(): number {
    return (
      this.arena.allocatedBytes +
      this.#keyBytes +
      this.keys * overheadBytesPerKey +
      this.#rows * overheadBytesPerVersion
    );
  }

  /**
   * Adds the put or delete on which `operation` stands (its buffer is a chunk of the arena). `keepOlder` says
   * whether the version that it replaces must stay for a snapshot.
   */
  add(
    operation: OperationReader,
    section: ArenaSection,
    sequence: number,
    keepOlder: (older: number, newer: number) => boolean,
  ): void {
    const { buffer, keyStart, valueStart } = operation;
    const key = buffer.latin1Slice(keyStart, valueStart);
    const part = partOf(this.#newest, key);
    const previous = part.get(key);
    if (previous === undefined) {
      this.#keys += 1;
      this.#order.add(key);
      this.#keyBytes += valueStart - keyStart;
    }
    let older = previous ?? none;
    let newer = none;
    // The deletes that stand for a range delete lie in the arena behind the frame that it came with, which may hold
    // newer versions: a memtable that is rebuilt meets them first.
    while (older !== none && this.#sequences[older]! > sequence) {
      newer = older;
      older = this.#older[older]!;
    }
    if (older !== none) {
      const olderSequence = this.#sequences[older]!;
      // Of two operations of one batch on the same key only the later counts.
      if (olderSequence === sequence || !keepOlder(olderSequence, sequence)) {
        older = this.#older[older]!;
      }
    }
    const row = this.#addRow(sequence, section.chunk, operation.start, older);
    if (newer === none) {
      part.set(key, row);
    } else {
      this.#older[newer] = row;
    }
    if (operation.kind === operationKind.delete) {
      this.#deletes += 1;
    }
    if (operation.expiresAt !== 0) {
      this.#expiring += 1;
    }
    this.noteSequence(sequence);
  }

  /** An operation of a logged batch is among those of this memtable. */
  noteLogged(sequence: number): void {
    if (sequence > this.maxLoggedSequence) {
      this.maxLoggedSequence = sequence;
    }
  }

  /** A bulk load's commit stands in the WAL of this memtable, which holds nothing of the load itself. */
  noteLoad(sequence: number): void {
    this.maxSequence = Math.max(this.maxSequence, sequence);
  }

  noteSequence(sequence: number): void {
    if (sequence < this.minSequence) {
      this.minSequence = sequence;
    }
    if (sequence > this.maxSequence) {
      this.maxSequence = sequence;
    }
  }

  #addRow(sequence: number, chunk: number, offset: number, older: number): number {
    const row = this.#rows;
    if (row === this.#sequences.length) {
      this.#growColumns();
    }
    this.#sequences[row] = sequence;
    this.#chunks[row] = chunk;
    this.#offsets[row] = offset;
    this.#older[row] = older;
    this.#rows = row + 1;
    return row;
  }

  #growColumns(): void {
    const capacity = this.#sequences.length * 2;
    const sequences = new Float64Array(capacity);
    sequences.set(this.#sequences);
    this.#sequences = sequences;
    const chunks = new Uint16Array(capacity);
    chunks.set(this.#chunks);
    this.#chunks = chunks;
    const offsets = new Uint32Array(capacity);
    offsets.set(this.#offsets);
    this.#offsets = offsets;
    const older = new Int32Array(capacity);
    older.set(this.#older);
    this.#older = older;
  }

  /** The newest version of `key` at or below `maxSequence`; false where there is none. */
  get(key: ByteString, maxSequence: number, into: Entry): boolean {
    let row = this.newestRow(key);
    while (row !== none && this.#sequences[row]! > maxSequence) {
      row = this.#older[row]!;
    }
    if (row === none) {
      return false;
    }
    this.readRow(row, into);
    return true;
  }

  /** The row of a key's newest version, or -1. */
  newestRow(key: ByteString): number {
    return partOf(this.#newest, key).get(key) ?? none;
  }

  /** The row of the version before, or -1. */
  olderRow(row: number): number {
    return this.#older[row]!;
  }

  readRow(row: number, into: Entry): void {
    const buffer = this.arena.buffer(this.#chunks[row]!);
    const offset = this.#offsets[row]!;
    const first = buffer[offset]!;
    const expires = (first & operationFlag.expires) !== 0;
    const keyStart = offset + operationHeaderBytes + (expires ? 8 : 0);
    into.sequence = this.#sequences[row]!;
    into.kind = (first & kindMask) as EntryKind;
    into.tag = buffer[offset + 1]!;
    into.expiresAt = expires ? buffer.readDoubleLE(offset + operationHeaderBytes) : 0;
    into.valueBuffer = buffer;
    into.valueStart = keyStart + buffer.readUInt16LE(offset + 2);
    into.valueEnd = into.valueStart + buffer.readUInt32LE(offset + 4);
  }

  /** Sorted arrays of keys that together hold each once; valid until the next `add`. */
  sortedRuns(): readonly (readonly ByteString[])[] {
    return this.#order.sortedRuns();
  }

  share(): SharedArena {
    return this.arena.share();
  }
}
