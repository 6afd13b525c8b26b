import { corruption } from "../../../shared/errors.js";
import { entryKind } from "../iterator/cursor.js";
import type { Block } from "./block-reader.js";
import type { BlockLoader, BlockSource } from "./block-source.js";
import type { BloomFilter } from "./bloom-filter.js";
import { ReadAhead } from "./read-ahead.js";
import { searchBytes, setSearchKey } from "./search-key.js";
import { TableCursor } from "./table-cursor.js";
import type { TableProperties } from "./table-format.js";

const windowBytes = 256 * 1024;

/** Remembers which block was loaded last. */
class BlockTracker implements BlockLoader {
  ordinal = -1;
  fileOffset = 0;
  readonly #loader: BlockLoader;

  constructor(loader: BlockLoader) {
    this.#loader = loader;
  }

  load(ordinal: number): Block {
    const block = this.#loader.load(ordinal);
    this.ordinal = ordinal;
    this.fileOffset = block.fileOffset;
    return block;
  }
}

/**
 * Reads every block of a table from its file, past the cache, and holds all that the table says of itself against
 * what it holds: order, fences, filter, properties. Throws `FASTKV_CORRUPTION` with the path and the offset.
 */
export function verifyTable(
  source: BlockSource,
  filter: BloomFilter | undefined,
  properties: TableProperties,
): void {
  const { index, path } = source;
  const tracker = new BlockTracker(new ReadAhead(source, { windowBytes, useCache: false, fillCache: false }));
  const cursor = new TableCursor(index, tracker, undefined);
  const found = emptyCounts();
  let lastKey = "";
  let lastSequence = 0;
  let lastOrdinal = 0;
  for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
    const { key, sequence } = cursor;
    const isFirst = found.entries === 0;
    const isNewKey = isFirst || key !== lastKey;
    if (!isFirst && (key < lastKey || (!isNewKey && sequence >= lastSequence))) {
      throw corruption(path, tracker.fileOffset, "entries are out of order");
    }
    if (tracker.ordinal !== lastOrdinal) {
      lastOrdinal = tracker.ordinal;
      const fence = index.fence(lastOrdinal);
      const fenceKey = fence.latin1Slice(0, fence.length);
      const continues = index.continues(lastOrdinal);
      if (fenceKey > key || (continues ? isNewKey || fenceKey !== key : fenceKey <= lastKey)) {
        throw corruption(path, tracker.fileOffset, "a block does not fit its entry in the index");
      }
    }
    if (isNewKey && filter !== undefined && !filter.mayContain(searchBytes, 0, setSearchKey(key))) {
      throw corruption(path, tracker.fileOffset, "the bloom filter denies a key that is there");
    }
    found.entries += 1;
    found.puts += cursor.kind === entryKind.put ? 1 : 0;
    found.deletes += cursor.kind === entryKind.delete ? 1 : 0;
    found.keys += isNewKey ? 1 : 0;
    found.rawKeyBytes += key.length;
    found.rawValueBytes += cursor.valueEnd - cursor.valueStart;
    found.minSequence = Math.min(found.minSequence, sequence);
    found.maxSequence = Math.max(found.maxSequence, sequence);
    if (cursor.expiresAt !== 0) {
      found.minExpiresAt =
        found.minExpiresAt === 0 ? cursor.expiresAt : Math.min(found.minExpiresAt, cursor.expiresAt);
      found.maxExpiresAt = Math.max(found.maxExpiresAt, cursor.expiresAt);
    }
    found.smallest = isFirst ? key : found.smallest;
    found.largest = key;
    lastKey = key;
    lastSequence = sequence;
  }
  for (const [name, value] of Object.entries(found)) {
    const claimed = properties[name as keyof TableProperties];
    if (claimed !== value) {
      throw corruption(path, undefined, `the table's properties are wrong in ${name}`);
    }
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
