import type { ByteString } from "../../../shared/bytes.js";
import { type Cursor, type EntryKind, entryKind } from "../iterator/cursor.js";
import { lowerBounds, type Run } from "./key-order.js";
import type { Memtable } from "./memtable.js";
import { none, type Rows } from "./rows.js";

/**
 * A cursor over a memtable. It stands on one row and finds its place in each sorted run when it seeks. It must not be
 * used after the memtable has changed (a page of a scan is read in one go).
 */
export class MemtableCursor implements Cursor {
  valid = false;
  key: ByteString = "";
  sequence = 0;
  kind: EntryKind = entryKind.put;
  tag = 0;
  expiresAt = 0;
  valueBuffer: Buffer = Buffer.alloc(0);
  valueStart = 0;
  valueEnd = 0;

  readonly #memtable: Memtable;
  readonly #rows: Rows;
  readonly #runs: readonly Run[];
  /** For each run, the place of its current or next key in the direction of travel. */
  readonly #places: Int32Array;
  /** The keys at these places. */
  readonly #heads: ByteString[];
  /** The runs that have a key left in the direction of travel, as a heap ordered by that key. */
  readonly #heap: number[] = [];
  #forward = true;
  #row = none;

  constructor(memtable: Memtable) {
    this.#memtable = memtable;
    this.#rows = memtable.rows;
    this.#runs = memtable.sortedRuns();
    this.#places = new Int32Array(this.#runs.length);
    this.#heads = this.#runs.map(() => "");
  }

  seekToFirst(): void {
    this.#places.fill(0);
    this.#start(true);
  }

  seekToLast(): void {
    for (let run = 0; run < this.#runs.length; run++) {
      this.#places[run] = this.#runs[run]!.length - 1;
    }
    this.#start(false);
  }

  seek(target: ByteString): void {
    this.#places.set(lowerBounds(this.#rows, this.#runs, target));
    this.#start(true);
  }

  seekBefore(target: ByteString): void {
    this.#places.set(lowerBounds(this.#rows, this.#runs, target).map((place) => place - 1));
    this.#start(false);
  }

  next(): void {
    if (!this.#forward) {
      this.#turn(true);
    }
    const older = this.#rows.olderOf(this.#row);
    if (older !== none) {
      this.#standOn(older);
    } else {
      this.#advance();
    }
  }

  prev(): void {
    if (this.#forward) {
      this.#turn(false);
    }
    const newer = this.#newerRow();
    if (newer !== none) {
      this.#standOn(newer);
    } else {
      this.#advance();
    }
  }

  #newerRow(): number {
    let row = this.#memtable.newestOf(this.#row);
    if (row === this.#row) {
      return none;
    }
    for (let older = this.#rows.olderOf(row); older !== this.#row; older = this.#rows.olderOf(row)) {
      row = older;
    }
    return row;
  }

  #turn(forward: boolean): void {
    const { key } = this;
    const row = this.#row;
    if (forward) {
      this.seek(key);
    } else {
      this.seekBefore(`${key}\0`);
    }
    this.#standOn(row);
  }

  #start(forward: boolean): void {
    this.#forward = forward;
    this.#heap.length = 0;
    for (let run = 0; run < this.#runs.length; run++) {
      if (this.#lookAt(run)) {
        this.#heap.push(run);
      }
    }
    for (let at = (this.#heap.length >>> 1) - 1; at >= 0; at--) {
      this.#siftDown(at);
    }
    this.#enter();
  }

  /** Moves from the current key to the next one in the direction of travel. */
  #advance(): void {
    const run = this.#heap[0]!;
    this.#places[run] = this.#places[run]! + (this.#forward ? 1 : -1);
    if (!this.#lookAt(run)) {
      const last = this.#heap.pop()!;
      if (this.#heap.length > 0) {
        this.#heap[0] = last;
      }
    }
    if (this.#heap.length > 1) {
      this.#siftDown(0);
    }
    this.#enter();
  }

  #enter(): void {
    const run = this.#heap[0];
    if (run === undefined) {
      this.valid = false;
      return;
    }
    this.valid = true;
    this.key = this.#heads[run]!;
    let row = this.#memtable.newestOf(this.#runs[run]![this.#places[run]!]!);
    if (!this.#forward) {
      for (let older = this.#rows.olderOf(row); older !== none; older = this.#rows.olderOf(row)) {
        row = older;
      }
    }
    this.#standOn(row);
  }

  #standOn(row: number): void {
    this.#row = row;
    this.#rows.read(row, this);
  }

  /** Reads the key at the run's place; false if there is none. */
  #lookAt(run: number): boolean {
    const keys = this.#runs[run]!;
    const place = this.#places[run]!;
    if (place < 0 || place >= keys.length) {
      return false;
    }
    this.#heads[run] = this.#rows.keyOf(keys[place]!);
    return true;
  }

  #comesBefore(a: number, b: number): boolean {
    return this.#forward ? this.#heads[a]! < this.#heads[b]! : this.#heads[a]! > this.#heads[b]!;
  }

  #siftDown(start: number): void {
    const heap = this.#heap;
    const moved = heap[start]!;
    let at = start;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) {
        break;
      }
      if (child + 1 < heap.length && this.#comesBefore(heap[child + 1]!, heap[child]!)) {
        child += 1;
      }
      if (!this.#comesBefore(heap[child]!, moved)) {
        break;
      }
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = moved;
  }
}
