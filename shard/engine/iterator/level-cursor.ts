import type { ByteString } from "../../../shared/bytes.js";
import { firstEndingAtOrAfter, type KeySpan } from "../version/version.js";
import { type Cursor, type EntryKind, entryKind } from "./cursor.js";

/**
 * One cursor over tables in key order that do not overlap, such as those of a level below level 0. Opens a table only
 * when it moves into it.
 */
export class LevelCursor<Table extends KeySpan> implements Cursor {
  valid = false;
  key: ByteString = "";
  sequence = 0;
  kind: EntryKind = entryKind.put;
  tag = 0;
  expiresAt = 0;
  valueBuffer: Buffer = Buffer.alloc(0);
  valueStart = 0;
  valueEnd = 0;

  readonly #tables: readonly Table[];
  readonly #open: (table: Table) => Cursor;
  #place = -1;
  #cursor: Cursor | undefined;

  constructor(tables: readonly Table[], open: (table: Table) => Cursor) {
    this.#tables = tables;
    this.#open = open;
  }

  seekToFirst(): void {
    this.#enter(0, (cursor) => cursor.seekToFirst());
  }

  seekToLast(): void {
    this.#enter(this.#tables.length - 1, (cursor) => cursor.seekToLast());
  }

  seek(target: ByteString): void {
    this.#enter(firstEndingAtOrAfter(this.#tables, target), (cursor) => cursor.seek(target));
  }

  seekBefore(target: ByteString): void {
    // The table that may hold the last key before `target`: the first whose largest key reaches it, or the table
    // before.
    let place = firstEndingAtOrAfter(this.#tables, target);
    if (place === this.#tables.length || this.#tables[place]!.smallest >= target) {
      place -= 1;
    }
    this.#enter(place, (cursor) => cursor.seekBefore(target));
  }

  next(): void {
    this.#cursor!.next();
    if (this.#cursor!.valid) {
      this.#copyEntry();
    } else {
      this.#enter(this.#place + 1, (cursor) => cursor.seekToFirst());
    }
  }

  prev(): void {
    this.#cursor!.prev();
    if (this.#cursor!.valid) {
      this.#copyEntry();
    } else {
      this.#enter(this.#place - 1, (cursor) => cursor.seekToLast());
    }
  }

  #enter(place: number, position: (cursor: Cursor) => void): void {
    const table = this.#tables[place];
    if (table === undefined) {
      this.valid = false;
      return;
    }
    if (place !== this.#place || this.#cursor === undefined) {
      this.#cursor = this.#open(table);
      this.#place = place;
    }
    position(this.#cursor);
    this.valid = this.#cursor.valid;
    if (this.valid) {
      this.#copyEntry();
    }
  }

  #copyEntry(): void {
    const cursor = this.#cursor!;
    this.key = cursor.key;
    this.sequence = cursor.sequence;
    this.kind = cursor.kind;
    this.tag = cursor.tag;
    this.expiresAt = cursor.expiresAt;
    this.valueBuffer = cursor.valueBuffer;
    this.valueStart = cursor.valueStart;
    this.valueEnd = cursor.valueEnd;
  }
}
