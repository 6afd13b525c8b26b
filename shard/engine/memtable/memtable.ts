import type { ByteString } from "../../../shared/bytes.js";
import { type OperationReader, operationKind } from "../../../shared/format/operations.js";
import type { Entry } from "../iterator/cursor.js";
import { Arena, type SharedArena } from "./arena.js";
import { KeyIndex } from "./key-index.js";
import { KeyOrder, type Run } from "./key-order.js";
import { none, Rows } from "./rows.js";
import type { ArenaSection } from "./section-index.js";

/**
 * A slot of the index has 8 bytes, and three to six of eight slots are taken; the order has 4. Not what is allocated: the index grows
 * as the hashes fall, which differ from run to run, and what depends on a memtable's size must not.
 */
const overheadBytesPerKey = 20;

export interface MemtableOptions {
  /** About how large it will get. */
  expectedBytes: number;
  arena?: Arena;
  /** So many keys are sorted at once. */
  runKeys?: number;
}

/**
 * The newest writes of a shard: an index from each key to its newest version, and chains of older versions that a
 * snapshot still sees. Keys and values lie in the arena, as they came, and all else is numbers in typed arrays: there is nothing
 * that V8's collector would have to visit or to copy.
 */
export class Memtable {
  /** The first WAL segment that holds operations of this memtable. */
  readonly firstLogNumber: number;
  minSequence = Number.POSITIVE_INFINITY;
  maxSequence = 0;
  /** The highest sequence number of a batch that must be in the batch log before this memtable is flushed. */
  maxLoggedSequence = 0;

  readonly arena: Arena;
  readonly rows: Rows;
  readonly #index: KeyIndex;
  readonly #order: KeyOrder;
  #keys = 0;
  #deletes = 0;
  #expiring = 0;

  constructor(firstLogNumber: number, options: MemtableOptions) {
    this.firstLogNumber = firstLogNumber;
    this.arena = options.arena ?? new Arena(options.expectedBytes);
    this.rows = new Rows(this.arena);
    this.#index = new KeyIndex(this.rows);
    this.#order = new KeyOrder(this.rows, options.runKeys);
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
    return this.rows.count === 0;
  }

  /** Bytes really held, but for what the index and the order take, which is about that. */
  get memoryBytes(): number {
    return this.arena.allocatedBytes + this.rows.memoryBytes + this.#keys * overheadBytesPerKey;
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
    const { rows } = this;
    const previous = this.#index.find(operation.buffer, operation.keyStart, operation.valueStart);
    let older = previous;
    let newer = none;
    // The deletes that stand for a range delete lie in the arena behind the frame that it came with, which may hold
    // newer versions: a memtable that is rebuilt meets them first.
    while (older !== none && rows.sequenceOf(older) > sequence) {
      newer = older;
      older = rows.olderOf(older);
    }
    if (older !== none) {
      const olderSequence = rows.sequenceOf(older);
      // Of two operations of one batch on the same key only the later counts.
      if (olderSequence === sequence || !keepOlder(olderSequence, sequence)) {
        older = rows.olderOf(older);
      }
    }
    const row = rows.add(sequence, section.chunk, operation.start, older);
    if (previous === none) {
      this.#index.add(row);
      this.#order.add(row);
      this.#keys += 1;
    } else if (newer === none) {
      this.#index.replace(row);
    } else {
      rows.setOlder(newer, row);
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

  /** The newest version of `key` at or below `maxSequence`; false where there is none. */
  get(key: ByteString, maxSequence: number, into: Entry): boolean {
    const { rows } = this;
    let row = this.#index.findKey(key);
    while (row !== none && rows.sequenceOf(row) > maxSequence) {
      row = rows.olderOf(row);
    }
    if (row === none) {
      return false;
    }
    rows.read(row, into);
    return true;
  }

  /** The row of the newest version of the key that `row` has. */
  newestOf(row: number): number {
    return this.rows.count === this.#keys ? row : this.#index.findKey(this.rows.keyOf(row));
  }

  /** Rows in the order of their keys, which together have each key once; valid until the next `add`. */
  sortedRuns(): readonly Run[] {
    return this.#order.sortedRuns();
  }

  share(): SharedArena {
    return this.arena.share();
  }
}
