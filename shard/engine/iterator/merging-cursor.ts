import type { ByteString } from "../../../shared/bytes.js";
import type { Cursor, EntryKind } from "./cursor.js";

/**
 * Merges several cursors into one, ordered by key and, for one key, by sequence number, newest first. No two entries of
 * the cursors have the same key and sequence number. Keeps the valid cursors in a binary heap. The direction may change
 * at any time, at the price of a new seek in every cursor.
 */
export class MergingCursor implements Cursor {
  readonly #cursors: readonly Cursor[];
  readonly #heap: Cursor[] = [];
  #forward = true;

  constructor(cursors: readonly Cursor[]) {
    this.#cursors = cursors;
  }

  get valid(): boolean {
    return this.#heap.length > 0;
  }

  get key(): ByteString {
    return this.#heap[0]!.key;
  }

  get sequence(): number {
    return this.#heap[0]!.sequence;
  }

  get kind(): EntryKind {
    return this.#heap[0]!.kind;
  }

  get tag(): number {
    return this.#heap[0]!.tag;
  }

  get expiresAt(): number {
    return this.#heap[0]!.expiresAt;
  }

  get valueBuffer(): Buffer {
    return this.#heap[0]!.valueBuffer;
  }

  get valueStart(): number {
    return this.#heap[0]!.valueStart;
  }

  get valueEnd(): number {
    return this.#heap[0]!.valueEnd;
  }

  seekToFirst(): void {
    for (const cursor of this.#cursors) {
      cursor.seekToFirst();
    }
    this.#build(true);
  }

  seekToLast(): void {
    for (const cursor of this.#cursors) {
      cursor.seekToLast();
    }
    this.#build(false);
  }

  seek(target: ByteString): void {
    for (const cursor of this.#cursors) {
      cursor.seek(target);
    }
    this.#build(true);
  }

  seekBefore(target: ByteString): void {
    for (const cursor of this.#cursors) {
      cursor.seekBefore(target);
    }
    this.#build(false);
  }

  next(): void {
    if (!this.#forward) {
      this.#turn(true);
    }
    this.#heap[0]!.next();
    this.#fixTop();
  }

  prev(): void {
    if (this.#forward) {
      this.#turn(false);
    }
    this.#heap[0]!.prev();
    this.#fixTop();
  }

  /** Moves every cursor to the other side of the current entry, and puts the current entry on top. */
  #turn(forward: boolean): void {
    const { key, sequence } = this;
    for (const cursor of this.#cursors) {
      if (forward) {
        cursor.seek(key);
        while (cursor.valid && cursor.key === key && cursor.sequence > sequence) {
          cursor.next();
        }
      } else {
        cursor.seekBefore(`${key}\0`);
        while (cursor.valid && cursor.key === key && cursor.sequence < sequence) {
          cursor.prev();
        }
      }
    }
    this.#build(forward);
  }

  #build(forward: boolean): void {
    this.#forward = forward;
    this.#heap.length = 0;
    for (const cursor of this.#cursors) {
      if (cursor.valid) {
        this.#heap.push(cursor);
      }
    }
    for (let at = (this.#heap.length >>> 1) - 1; at >= 0; at--) {
      this.#siftDown(at);
    }
  }

  #fixTop(): void {
    const heap = this.#heap;
    if (!heap[0]!.valid) {
      const last = heap.pop()!;
      if (heap.length === 0) {
        return;
      }
      heap[0] = last;
    }
    if (heap.length > 1) {
      this.#siftDown(0);
    }
  }

  #comesBefore(a: Cursor, b: Cursor): boolean {
    const keyA = a.key;
    const keyB = b.key;
    if (keyA === keyB) {
      return this.#forward ? a.sequence > b.sequence : a.sequence < b.sequence;
    }
    return this.#forward ? keyA < keyB : keyA > keyB;
  }

  #siftDown(start: number): void {
    const heap = this.#heap;
    const { length } = heap;
    const moved = heap[start]!;
    let at = start;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= length) {
        break;
      }
      if (child + 1 < length && this.#comesBefore(heap[child + 1]!, heap[child]!)) {
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
