/**
 * Reads over everything a shard holds (memtables, level 0, the levels below), taking range deletes, expiry and the
 * reader's sequence number into account. Reads are synchronous and have no side effects: a page of a scan is a new seek
 * after the last key of the page before, so an abandoned scan leaves nothing except its hold.
 */

import type { ByteString } from "../../../shared/bytes.js";
import type { KeyRange } from "../../../shared/key-range.js";
import type { ReadPoint } from "../../../shared/read-point.js";
import { type Cursor, type Entry, entryKind } from "../iterator/cursor.js";
import { LevelCursor } from "../iterator/level-cursor.js";
import { MergingCursor } from "../iterator/merging-cursor.js";
import type { Memtable } from "../memtable/memtable.js";
import { MemtableCursor } from "../memtable/memtable-cursor.js";
import { ScratchBuffers } from "../table/scratch-buffers.js";
import type { TableCache } from "../table/table-cache.js";
import { type LiveTable, levelCount, type Version } from "../version/version.js";
import { hidingSequence, type RangeDelete, rangeTouches } from "./range-delete.js";

/** Everything there is to read. */
export interface ReadView {
  active: Memtable;
  /** Oldest first. */
  sealed: readonly Memtable[];
  version: Version;
  rangeDeletes: readonly RangeDelete[];
  tables: TableCache;
}

export function newEntry(): Entry {
  return {
    sequence: 0,
    kind: entryKind.put,
    tag: 0,
    expiresAt: 0,
    valueBuffer: Buffer.alloc(0),
    valueStart: 0,
    valueEnd: 0,
  };
}

/** Reads the value of `key` as the reader sees it; false if there is none. */
export function readKey(view: ReadView, key: ByteString, at: ReadPoint, into: Entry): boolean {
  return findNewest(view, key, at.sequence, into) && isVisible(view, key, into, at);
}

function isVisible(view: ReadView, key: ByteString, entry: Entry, at: ReadPoint): boolean {
  if (entry.kind !== entryKind.put || (entry.expiresAt !== 0 && entry.expiresAt <= at.timeMs)) {
    return false;
  }
  return (
    view.rangeDeletes.length === 0 ||
    hidingSequence(view.rangeDeletes, key, entry.sequence, at.sequence) === 0
  );
}

function findNewest(view: ReadView, key: ByteString, maxSequence: number, into: Entry): boolean {
  if (view.active.get(key, maxSequence, into)) {
    return true;
  }
  const { version, sealed } = view;
  const levelZero = version.levels[0]!;
  // Checks sealed memtables and tables of level 0 in order of sequence number: a bulk-loaded table may be newer than a
  // memtable that still waits to be flushed.
  let nextSealed = sealed.length - 1;
  for (const table of levelZero) {
    while (nextSealed >= 0 && sealed[nextSealed]!.maxSequence > table.maxSequence) {
      if (sealed[nextSealed]!.get(key, maxSequence, into)) {
        return true;
      }
      nextSealed -= 1;
    }
    if (key >= table.smallest && key <= table.largest && readTable(view, table, key, maxSequence, into)) {
      return true;
    }
  }
  for (; nextSealed >= 0; nextSealed--) {
    if (sealed[nextSealed]!.get(key, maxSequence, into)) {
      return true;
    }
  }
  for (let level = 1; level < levelCount; level++) {
    const table = version.levels[level]!.length === 0 ? undefined : version.tableFor(level, key);
    if (table !== undefined && readTable(view, table, key, maxSequence, into)) {
      return true;
    }
  }
  return false;
}

function readTable(
  view: ReadView,
  table: LiveTable,
  key: ByteString,
  maxSequence: number,
  into: Entry,
): boolean {
  return view.tables.get(table.fileNumber, overrideOf(table)).get(key, maxSequence, into);
}

function overrideOf(table: LiveTable): number | undefined {
  return table.sequenceOverride === 0 ? undefined : table.sequenceOverride;
}

/** The most bytes that a scan reads in one call. */
const readAheadBytes = 64 * 1024;
/** One for the whole thread: pages are read one after the other, each without interruption. */
const buffers = new ScratchBuffers();

/**
 * A cursor over every version in a range of keys; its position may also be outside the range. Adds the numbers of the
 * tables that it keeps open to `pinned`: the caller unpins them when it is done.
 */
function openCursor(view: ReadView, { range, maxEntries, reverse }: PageRequest, pinned: number[]): Cursor {
  const cursors: Cursor[] = [];
  for (const memtable of [view.active, ...view.sealed]) {
    if (!memtable.isEmpty) {
      cursors.push(new MemtableCursor(memtable));
    }
  }
  const { levels, levelBytes, entries } = view.version;
  // When the block cache is full, a forward scan keeps few blocks, and reads several others in one call. Blocks read
  // like that are overwritten by the next read. A backward scan needs a value after its cursor has moved on, so it does
  // not read ahead.
  const readsAhead = !reverse && !view.tables.hasRoomForBlocks;
  const open = (table: LiveTable, sourceBytes: number): Cursor => {
    const reader = view.tables.pin(table.fileNumber, overrideOf(table));
    pinned.push(table.fileNumber);
    // Each level provides its share of the page's entries.
    const page = { bytes: (maxEntries * sourceBytes) / entries, upper: range.upper, buffers };
    return reader.cursor(readsAhead ? { readAheadBytes, page } : undefined);
  };
  for (const table of levels[0]!) {
    if (rangeTouches(range, table.smallest, table.largest)) {
      cursors.push(open(table, table.sizeBytes));
    }
  }
  for (let level = 1; level < levelCount; level++) {
    const tables = levels[level]!;
    if (tables.length > 0) {
      cursors.push(new LevelCursor(tables, (table) => open(table, levelBytes[level]!)));
    }
  }
  return cursors.length === 1 ? cursors[0]! : new MergingCursor(cursors);
}

export interface PageRequest {
  range: KeyRange;
  reverse: boolean;
  at: ReadPoint;
  /** The page ends after this many entries ... */
  maxEntries: number;
  /** ... or after this many bytes ... */
  maxBytes: number;
  /** ... or after this many versions were examined, visible or not. */
  maxExamined: number;
}

/** Takes an entry of a page and returns how many bytes it counts for. The value is only lent. */
export type PageSink = (key: ByteString, entry: Entry) => number;

/** What is left of the range after a page; undefined if nothing is. */
export type PageRest = KeyRange | undefined;

export function readPage(view: ReadView, request: PageRequest, sink: PageSink): PageRest {
  const { lower, upper } = request.range;
  if (upper !== null && upper <= lower) {
    return undefined;
  }
  const pinned: number[] = [];
  buffers.reset();
  try {
    const cursor = openCursor(view, request, pinned);
    return request.reverse
      ? readBackward(view, cursor, request, sink)
      : readForward(view, cursor, request, sink);
  } finally {
    for (const fileNumber of pinned) {
      view.tables.unpin(fileNumber);
    }
  }
}

function readForward(view: ReadView, cursor: Cursor, request: PageRequest, sink: PageSink): PageRest {
  const { range, at } = request;
  const { upper } = range;
  let entries = 0;
  let bytes = 0;
  let examined = 0;
  cursor.seek(range.lower);
  while (cursor.valid) {
    const { key } = cursor;
    if (upper !== null && key >= upper) {
      return undefined;
    }
    if (entries >= request.maxEntries || bytes >= request.maxBytes || examined >= request.maxExamined) {
      return { lower: key, upper };
    }
    let isDecided = false;
    do {
      if (!isDecided && cursor.sequence <= at.sequence) {
        isDecided = true;
        if (isVisible(view, key, cursor, at)) {
          bytes += sink(key, cursor);
          entries += 1;
        }
      }
      examined += 1;
      cursor.next();
    } while (cursor.valid && cursor.key === key);
  }
  return undefined;
}

function readBackward(view: ReadView, cursor: Cursor, request: PageRequest, sink: PageSink): PageRest {
  const { range, at } = request;
  const { lower } = range;
  const found = newEntry();
  let entries = 0;
  let bytes = 0;
  let examined = 0;
  if (range.upper === null) {
    cursor.seekToLast();
  } else {
    cursor.seekBefore(range.upper);
  }
  while (cursor.valid) {
    const { key } = cursor;
    if (key < lower) {
      return undefined;
    }
    if (entries >= request.maxEntries || bytes >= request.maxBytes || examined >= request.maxExamined) {
      return { lower, upper: `${key}\0` };
    }
    // Versions come oldest first: the last one that the reader may see is the one to return.
    let isFound = false;
    do {
      if (cursor.sequence <= at.sequence) {
        copyEntry(cursor, found);
        isFound = true;
      }
      examined += 1;
      cursor.prev();
    } while (cursor.valid && cursor.key === key);
    if (isFound && isVisible(view, key, found, at)) {
      bytes += sink(key, found);
      entries += 1;
    }
  }
  return undefined;
}

/**
 * Copies all fields, but not the value's bytes, although the cursor moves on before they are used. They stay unchanged
 * because `openCursor` reads nothing ahead in reverse: each block then has memory of its own, unlike blocks in
 * read-ahead buffers, and arenas do not change while a page is read.
 */
function copyEntry(from: Entry, to: Entry): void {
  to.sequence = from.sequence;
  to.kind = from.kind;
  to.tag = from.tag;
  to.expiresAt = from.expiresAt;
  to.valueBuffer = from.valueBuffer;
  to.valueStart = from.valueStart;
  to.valueEnd = from.valueEnd;
}
