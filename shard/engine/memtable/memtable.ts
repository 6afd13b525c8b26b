import type { ByteString } from "../../../shared/bytes.js";
import { type OperationReader, operationKind } from "../../../shared/format/operations.js";
import type { Entry } from "../iterator/cursor.js";
import { Arena, type SharedArena } from "./arena.js";
import { KeyIndex } from "./key-index.js";
import { KeyOrder, type Run } from "./key-order.js";
import { none, Rows } from "./rows.js";
import type { ArenaSection } from "./section-index.js";

/**
 * A slot of the index has 8 bytes, and three to six of eight slots are taken; the order has 4 bytes per key. This is an
 * estimate, not the allocated size: how the index grows depends on the hashes, which differ from run to run, and
 * decisions based on a memtable's size must not.
 */
const overheadBytesPerKey = 20;

export interface MemtableOptions {
  /** Approximate final size. */
  expectedBytes: number;
  arena?: Arena;
  /** How many keys are sorted at once. */
  runKeys?: number;
}

/**
 * The newest writes of a shard: an index from each key to its newest version, and chains of older versions that a
 * snapshot still sees. Keys and values lie in the arena as they came, and everything else is numbers in typed arrays,
 * so V8's collector has nothing to visit or to copy.
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

  /** Distinct keys, including deleted ones. */
  get keys(): number {
    return this.#keys;
  }

  /** Deletes, counted when they were added: at least the number of keys whose newest version is a delete. */
  get deletes(): number {
    return this.#deletes;
  }

  /** Versions that have an expiry. */
  get expiring(): number {
    return this.#expiring;
  }

  /** Whether anything was applied, even if it added no key: a clear that found none, or a bulk load's commit. */
  get isTouched(): boolean {
    return this.maxSequence > 0;
  }

  get isEmpty(): boolean {
    return this.rows.count === 0;
  }

  /** Bytes held, with an estimate for the index and the order. */
  get memoryBytes(): number {
    return this.arena.allocatedBytes + this.rows.memoryBytes + this.#keys * overheadBytesPerKey;
  }

  /**
   * Adds the put or delete at the reader's position (its buffer is a chunk of the arena). `keepOlder` says whether the
   * version that it replaces must stay for a snapshot.
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
    // A range delete of few keys becomes deletes, which lie in the arena after the frame that it came with. That frame
    // may hold newer versions, and a memtable that is rebuilt meets those first.
    while (older !== none && rows.sequenceOf(older) > sequence) {
      newer = older;
      older = rows.olderOf(older);
    }
    if (older !== none) {
      const olderSequence = rows.sequenceOf(older);
      // If one batch has two operations on the same key, only the later one counts.
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

  /** Records an operation of a logged batch. */
  noteLogged(sequence: number): void {
    if (sequence > this.maxLoggedSequence) {
      this.maxLoggedSequence = sequence;
    }
  }

  /**
   * Records a bulk load's commit. It is in this memtable's WAL segment, but the memtable holds nothing of the load
   * itself.
   */
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

  /** Reads the newest version of `key` at or below `maxSequence`; false if there is none. */
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

  /** The row of the newest version of the key of `row`. */
  newestOf(row: number): number {
    return this.rows.count === this.#keys ? row : this.#index.findKey(this.rows.keyOf(row));
  }

  /** Rows in the order of their keys. Together the runs have each key once. Valid until the next `add`. */
  sortedRuns(): readonly Run[] {
    return this.#order.sortedRuns();
  }

  share(): SharedArena {
    return this.arena.share();
  }
}
