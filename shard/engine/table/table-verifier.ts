import type { ByteString } from "../../../shared/bytes.js";
import { corruption, type FastKVError } from "../../../shared/errors.js";
import { type Entry, entryKind } from "../iterator/cursor.js";
import type { BlockSource } from "./block-source.js";
import type { BloomFilter } from "./bloom-filter.js";
import { ReadAhead } from "./read-ahead.js";
import { searchBytes, setSearchKey } from "./search-key.js";
import { SkippingCursor } from "./skipping-cursor.js";
import type { TableProperties } from "./table-format.js";

const windowBytes = 256 * 1024;

/** Keys between two bounds, both included; the bounds themselves need not be keys. */
export interface KeyExtent {
  from: ByteString;
  to: ByteString;
}

export interface TableVisitor {
  /** Called for each entry that can be read, in order. The entry is only lent. */
  onEntry(key: ByteString, entry: Entry, blockOffset: number): void;
  /** Called for each damage, with `lost` if keys in that extent cannot be read. Throwing ends the check. */
  onDamage(error: FastKVError, lost?: KeyExtent): void;
}

/**
 * Reads every block of a table from its file, not from the cache, and checks all that the table says about itself
 * against its content: order, fences, filter, properties.
 */
export function checkTable(
  source: BlockSource,
  filter: BloomFilter | undefined,
  properties: TableProperties,
  sequenceOverride: number | undefined,
  visitor: TableVisitor,
): void {
  const { index, path } = source;
  const loader = new ReadAhead(source, { windowBytes, useCache: false });
  let skipped = -1;
  const cursor = new SkippingCursor(path, index, loader, sequenceOverride, ({ ordinal, error }) => {
    skipped = ordinal;
    visitor.onDamage(error, extentOfBlock(source, properties, ordinal));
  });
  const found = emptyCounts();
  let lastKey = "";
  let lastOrdinal = 0;
  for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
    const { key, sequence, isNewKey } = cursor;
    if (cursor.ordinal !== lastOrdinal) {
      lastOrdinal = cursor.ordinal;
      const fence = index.fence(lastOrdinal);
      const fenceKey = fence.latin1Slice(0, fence.length);
      const isBehindDamage = skipped === lastOrdinal - 1;
      const continues = index.continues(lastOrdinal);
      const isWrong = continues
        ? fenceKey !== key || (isNewKey && !isBehindDamage)
        : fenceKey > key || (lastOrdinal > 0 && fenceKey <= lastKey);
      if (isWrong) {
        visitor.onDamage(corruption(path, cursor.blockOffset, "a block does not fit its entry in the index"));
      }
    }
    if (isNewKey && filter !== undefined && !filter.mayContain(searchBytes, 0, setSearchKey(key))) {
      visitor.onDamage(corruption(path, cursor.blockOffset, "the bloom filter denies a key that is there"), {
        from: key,
        to: key,
      });
    }
    count(found, cursor, isNewKey, sequenceOverride === undefined ? sequence : 0);
    lastKey = key;
    visitor.onEntry(key, cursor, cursor.blockOffset);
  }
  if (skipped >= 0) {
    return;
  }
  for (const [name, value] of Object.entries(found)) {
    if (properties[name as keyof TableProperties] !== value) {
      visitor.onDamage(corruption(path, undefined, `the table's properties are wrong in ${name}`));
    }
  }
}

/** Throws `FASTKV_CORRUPTION` with the path and the offset of the first damage. */
export function verifyTable(
  source: BlockSource,
  filter: BloomFilter | undefined,
  properties: TableProperties,
): void {
  checkTable(source, filter, properties, undefined, {
    onEntry: () => undefined,
    onDamage: (error) => {
      throw error;
    },
  });
}

/** The range of keys that a block may hold. */
function extentOfBlock({ index }: BlockSource, properties: TableProperties, ordinal: number): KeyExtent {
  const fence = (block: number): ByteString => index.fence(block).latin1Slice(0, index.fence(block).length);
  return {
    from: ordinal === 0 ? properties.smallest : fence(ordinal),
    to: ordinal + 1 < index.blocks ? fence(ordinal + 1) : properties.largest,
  };
}

type Counts = ReturnType<typeof emptyCounts>;

function count(found: Counts, cursor: SkippingCursor, isNewKey: boolean, sequence: number): void {
  const { key, expiresAt } = cursor;
  found.smallest = found.entries === 0 ? key : found.smallest;
  found.largest = key;
  found.entries += 1;
  found.puts += cursor.kind === entryKind.put ? 1 : 0;
  found.deletes += cursor.kind === entryKind.delete ? 1 : 0;
  found.keys += isNewKey ? 1 : 0;
  found.rawKeyBytes += key.length;
  found.rawValueBytes += cursor.valueEnd - cursor.valueStart;
  found.minSequence = Math.min(found.minSequence, sequence);
  found.maxSequence = Math.max(found.maxSequence, sequence);
  if (expiresAt !== 0) {
    found.minExpiresAt = found.minExpiresAt === 0 ? expiresAt : Math.min(found.minExpiresAt, expiresAt);
    found.maxExpiresAt = Math.max(found.maxExpiresAt, expiresAt);
  }
}

function emptyCounts(): Omit<TableProperties, "largestBlockBytes" | "codecId"> {
  return {
    entries: 0,
    puts: 0,
    deletes: 0,
    keys: 0,
    minSequence: Number.MAX_SAFE_INTEGER,
    maxSequence: 0,
    minExpiresAt: 0,
    maxExpiresAt: 0,
    rawKeyBytes: 0,
    rawValueBytes: 0,
    smallest: "",
    largest: "",
  };
}
