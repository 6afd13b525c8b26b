/** Reads and loads entries in their stored form, through the public API. */

import type { BulkEntry, FastKV, StoredEntry as LibraryEntry, ScanOptions, ValueEncoding } from "fastkv";
import type { Entry, StoredEntry } from "./bulk/entry.js";
import { type Key, keyFromBytes } from "./text/key.js";

/** The usual tags of encodings (fastkv's docs/file-formats.md); an export names only other ones. */
const usualTag: Record<ValueEncoding, number> = { json: 1, msgpack: 2, structured: 3, binary: 5 };

/** Returns entries at one consistent moment, in key order. */
export async function* storedEntries(db: FastKV, range: ScanOptions): AsyncGenerator<StoredEntry> {
  for await (const entry of db.storedEntries({ ...range, keyEncoding: "binary" })) {
    yield storedEntryOf(entry);
  }
}

function storedEntryOf({ key, stored, encoding, tag, expiresAt }: LibraryEntry<Uint8Array>): StoredEntry {
  const entry: StoredEntry = {
    key: keyFromBytes(key),
    value: encoding === "json" ? { json: JSON.parse(Buffer.from(stored).toString()) as unknown } : { stored },
    encoding,
  };
  if (tag !== usualTag[encoding]) {
    entry.tag = tag;
  }
  if (expiresAt !== undefined) {
    entry.expiry = expiresAt;
  }
  return entry;
}

/** One key's entry; undefined if there is no such key. */
export async function storedEntry(db: FastKV, key: Key): Promise<StoredEntry | undefined> {
  for await (const entry of storedEntries(db, { gte: key, lte: key })) {
    return entry;
  }
  return undefined;
}

/**
 * Loads everything or nothing. Entries that have expired meanwhile are left out. @returns the number of entries loaded
 */
export async function loadEntries(
  db: FastKV,
  entries: AsyncIterable<Entry[]>,
  signal: AbortSignal,
): Promise<number> {
  const result = await db.bulkLoad(toBulkEntries(entries), { signal });
  return result.entries;
}

async function* toBulkEntries(groups: AsyncIterable<Entry[]>): AsyncGenerator<BulkEntry> {
  for await (const group of groups) {
    for (const entry of group) {
      if (entry.expiry === undefined || entry.expiry > Date.now()) {
        yield bulkEntryOf(entry);
      }
    }
  }
}

function bulkEntryOf({ key, value, encoding, tag, expiry: expiresAt }: Entry): BulkEntry {
  if ("stored" in value) {
    const known = encoding ?? "binary";
    return { key, stored: value.stored, encoding: known, tag: tag ?? usualTag[known], expiresAt };
  }
  return { key, value: value.json, encoding, expiresAt };
}
