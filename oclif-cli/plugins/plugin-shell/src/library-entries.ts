/** Entries as they are stored, out of a database and into one, over the public API. */

import { deserialize, serialize } from "node:v8";
import type { BulkEntry, FastKV, ScanOptions } from "fastkv";
import type { Entry, StoredEntry } from "./bulk/entry.js";
import { type Key, keyFromBytes } from "./text/key.js";
import { isJsonTree } from "./text/value.js";

/** How many expiries are asked for at a time. */
const window = 256;

/** One consistent cut, in key order. */
export async function* storedEntries(db: FastKV, range: ScanOptions): AsyncGenerator<StoredEntry> {
  const own = range.snapshot ? undefined : await db.snapshot();
  const snapshot = range.snapshot ?? own!;
  try {
    let pending: [key: Uint8Array, value: unknown][] = [];
    for await (const entry of db.scan({ ...range, snapshot, keyEncoding: "binary" })) {
      pending.push(entry);
      if (pending.length >= window) {
        yield* await withExpiries(db, pending, snapshot);
        pending = [];
      }
    }
    yield* await withExpiries(db, pending, snapshot);
  } finally {
    await own?.close();
  }
}

async function withExpiries(
  db: FastKV,
  entries: readonly [key: Uint8Array, value: unknown][],
  snapshot: NonNullable<ScanOptions["snapshot"]>,
): Promise<StoredEntry[]> {
  const left = await Promise.all(entries.map(([key]) => db.ttl(key, { snapshot })));
  const now = Date.now();
  return entries.map(([bytes, value], index) => {
    const ms = left[index];
    const entry = storedEntryOf(keyFromBytes(bytes), value);
    if (ms !== undefined && Number.isFinite(ms)) {
      entry.expiry = now + ms;
    }
    return entry;
  });
}

function storedEntryOf(key: Key, value: unknown): StoredEntry {
  if (value instanceof Uint8Array) {
    return { key, value: { stored: value }, encoding: "binary" };
  }
  return isJsonTree(value)
    ? { key, value: { json: value }, encoding: "json" }
    : { key, value: { stored: serialize(value) }, encoding: "structured" };
}

/** One key's entry; undefined if there is no such key. */
export async function storedEntry(db: FastKV, key: Key): Promise<StoredEntry | undefined> {
  for await (const entry of storedEntries(db, { gte: key, lte: key })) {
    return entry;
  }
  return undefined;
}

/** All or nothing. Entries that have expired meanwhile are left out. @returns the number of entries loaded */
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
    for (const { key, value, encoding, expiry } of group) {
      const ttl = expiry === undefined ? undefined : expiry - Date.now();
      if (ttl === undefined || ttl > 0) {
        yield { key, value: "json" in value ? value.json : restore(value.stored, encoding), encoding, ttl };
      }
    }
  }
}

function restore(stored: Uint8Array, encoding: Entry["encoding"]): unknown {
  return encoding === "binary" ? stored : (deserialize(stored) as unknown);
}
