import { expect } from "chai";
import {
  type Cursor,
  type Entry,
  type EntryKind,
  entryKind,
} from "../../../../shard/engine/iterator/cursor.js";
import { BlockCache } from "../../../../shard/engine/table/block-cache.js";
import type { TableInfo } from "../../../../shard/engine/table/table-format.js";
import { TableReader, type TableReaderOptions } from "../../../../shard/engine/table/table-reader.js";
import { TableWriter, type TableWriterOptions } from "../../../../shard/engine/table/table-writer.js";
import { FastKVError, type FastKVErrorCode } from "../../../../shared/errors.js";
import { type FileHeader, fileKind } from "../../../../shared/format/file-header.js";
import type { FileSystem } from "../../../../shared/storage/file-system.js";

/** An entry with its key, its value as a byte string. */
export interface ModelEntry {
  key: string;
  sequence: number;
  kind: EntryKind;
  tag: number;
  expiresAt: number;
  value: string;
}

export const tablePath = "/database/000007.table";

export function headerOf(fileNumber = 7): FileHeader {
  return {
    kind: fileKind.table,
    databaseId: new Uint8Array(16).fill(9),
    shardIndex: 3,
    fileNumber,
    epoch: 5,
  };
}

export function put(key: string, sequence: number, value = "", expiresAt = 0, tag = 1): ModelEntry {
  return { key, sequence, kind: entryKind.put, tag, expiresAt, value };
}

export function tombstone(key: string, sequence: number): ModelEntry {
  return { key, sequence, kind: entryKind.delete, tag: 0, expiresAt: 0, value: "" };
}

/** In the order of a table; of entries with the same key and sequence number the first stays. */
export function inOrder(entries: ModelEntry[]): ModelEntry[] {
  const sorted = [...entries].sort((a, b) =>
    a.key < b.key ? -1 : a.key > b.key ? 1 : b.sequence - a.sequence,
  );
  return sorted.filter(
    (entry, at) =>
      at === 0 || entry.key !== sorted[at - 1]!.key || entry.sequence !== sorted[at - 1]!.sequence,
  );
}

export function addTo(writer: TableWriter, entry: ModelEntry): void {
  const value = Buffer.from(`<<${entry.value}>>`, "latin1");
  const { key, sequence, kind, tag, expiresAt } = entry;
  writer.add(key, sequence, kind, tag, expiresAt, value, 2, value.length - 2);
}

export function writeTable(
  fileSystem: FileSystem,
  entries: ModelEntry[],
  options: TableWriterOptions = {},
  path = tablePath,
  fileNumber = 7,
): TableInfo {
  const writer = new TableWriter(fileSystem, path, headerOf(fileNumber), options);
  for (const entry of entries) {
    addTo(writer, entry);
  }
  return writer.finish();
}

export function openTable(
  fileSystem: FileSystem,
  options: TableReaderOptions = {},
  cache = new BlockCache(1024 * 1024),
): TableReader {
  return TableReader.open(fileSystem, tablePath, headerOf(), cache, options);
}

export function newEntry(): Entry {
  const valueBuffer = Buffer.alloc(0);
  return { sequence: 0, kind: entryKind.put, tag: 0, expiresAt: 0, valueBuffer, valueStart: 0, valueEnd: 0 };
}

export function toModel(key: string, entry: Entry): ModelEntry {
  const { sequence, kind, tag, expiresAt } = entry;
  const value = entry.valueBuffer.latin1Slice(entry.valueStart, entry.valueEnd);
  return { key, sequence, kind, tag, expiresAt, value };
}

/** Where a cursor stands, or undefined. */
export function at(cursor: Cursor): ModelEntry | undefined {
  return cursor.valid ? toModel(cursor.key, cursor) : undefined;
}

export function readForwards(cursor: Cursor): ModelEntry[] {
  const entries: ModelEntry[] = [];
  for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
    entries.push(toModel(cursor.key, cursor));
  }
  return entries;
}

export function readBackwards(cursor: Cursor): ModelEntry[] {
  const entries: ModelEntry[] = [];
  for (cursor.seekToLast(); cursor.valid; cursor.prev()) {
    entries.push(toModel(cursor.key, cursor));
  }
  return entries.reverse();
}

export function get(reader: TableReader, key: string, maxSequence: number): ModelEntry | undefined {
  const entry = newEntry();
  return reader.get(key, maxSequence, entry) ? toModel(key, entry) : undefined;
}

export function expectError(code: FastKVErrorCode, call: () => unknown): FastKVError {
  try {
    call();
  } catch (error) {
    expect(error).to.be.instanceOf(FastKVError);
    expect((error as FastKVError).code, (error as FastKVError).stack).to.equal(code);
    return error as FastKVError;
  }
  throw new Error(`expected ${code}, but nothing was thrown`);
}
