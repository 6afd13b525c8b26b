import { type Entry, entryKind } from "../../shard/engine/iterator/cursor.js";
import { Memtable } from "../../shard/engine/memtable/memtable.js";
import { MemtableCursor } from "../../shard/engine/memtable/memtable-cursor.js";
import { OperationReader, OperationSection, operationKind } from "../../shared/format/operations.js";
import { measurePart, type PartCost } from "./measure.js";
import { keyBytesOf, keyOf, recordCount, scattered, valueBytesOf } from "./records.js";

const perFrame = 128;
const memtableBytes = 64 * 1024 * 1024;

/** All records in scattered order of keys, in sections as frames contain them. */
function sections(): Buffer[] {
  const all: Buffer[] = [];
  for (let from = 0; from < recordCount; from += perFrame) {
    const section = new OperationSection(perFrame * 256);
    for (let index = from; index < Math.min(from + perFrame, recordCount); index++) {
      const number = scattered(index);
      const put = { kind: operationKind.put, tag: 1, expiresAt: 0, logged: false };
      section.append({ ...put, key: keyBytesOf(number), value: valueBytesOf(number) }, index - from);
    }
    all.push(section.bytes());
  }
  return all;
}

/** A memtable with all records, filled in the same way as a shard does it. */
export function filledMemtable(all: readonly Buffer[] = sections()): Memtable {
  const memtable = new Memtable(1, { expectedBytes: memtableBytes });
  let sequence = 1;
  for (const section of all) {
    const placed = memtable.arena.append(section, sequence);
    const reader = new OperationReader(memtable.arena.buffer(placed.chunk), placed.start, placed.end);
    while (reader.next()) {
      memtable.add(reader, placed, sequence + reader.sequenceDelta, () => false);
    }
    sequence += perFrame;
  }
  return memtable;
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

export function memtableParts(): PartCost[] {
  const all = sections();
  const filled = filledMemtable(all);
  const entry = newEntry();
  return [
    measurePart("memtable: add a put", recordCount, () => all, filledMemtable),
    measurePart(
      "memtable: get",
      recordCount,
      () => filled,
      () => {
        let found = 0;
        for (let index = 0; index < recordCount; index++) {
          found += filled.get(keyOf(scattered(index)), Number.MAX_SAFE_INTEGER, entry) ? 1 : 0;
        }
        return found;
      },
    ),
    measurePart(
      "memtable: first look in order, per key",
      recordCount,
      () => filledMemtable(all),
      (memtable) => {
        const cursor = new MemtableCursor(memtable);
        cursor.seekToFirst();
        return cursor.key;
      },
    ),
    measurePart(
      "memtable: step of a cursor",
      recordCount,
      () => filled,
      () => {
        let steps = 0;
        const cursor = new MemtableCursor(filled);
        for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
          steps += 1;
        }
        return steps;
      },
    ),
  ];
}
