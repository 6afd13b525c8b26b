import type { ByteString } from "../../../shared/bytes.js";
import { invariant } from "../../../shared/errors.js";
import type { TableInfo } from "../table/table-format.js";
import type { VersionEdit } from "./version-edit.js";

export const levelCount = 7;

/** A table of the tree. */
export interface LiveTable extends TableInfo {
  /** Bulk-loaded tables hold sequence 0 throughout; this is the real number. 0 for all others. */
  sequenceOverride: number;
  /**
   * The table holds nothing that range deletes up to this sequence number hide: the job that wrote it left that out.
   */
  clearedSequence: number;
}

/** The keys of a table, both included. */
export type KeySpan = Pick<TableInfo, "smallest" | "largest">;

export type Levels = readonly (readonly LiveTable[])[];

/** Newest data first: sources are ordered by sequence number, never by file age. */
function byNewest(a: LiveTable, b: LiveTable): number {
  return b.maxSequence - a.maxSequence || a.fileNumber - b.fileNumber;
}

function bySmallest(a: LiveTable, b: LiveTable): number {
  return a.smallest < b.smallest ? -1 : a.smallest > b.smallest ? 1 : 0;
}

/**
 * The tables of a shard's tree at one moment; immutable. Level 0 is ordered from new to old and its tables may overlap;
 * every other level is ordered by key and its tables do not overlap.
 */
export class Version {
  readonly levels: Levels;
  /** How many tables of level 0 a read may have to look at. Those of one bulk load are disjoint and count as one. */
  readonly levelZeroDepth: number;
  /** Bytes of the files of each level. */
  readonly levelBytes: readonly number[];
  /** Entries of all tables, every version counted. */
  readonly entries: number;

  constructor(levels: Levels = Array.from({ length: levelCount }, () => [])) {
    this.levels = levels;
    this.levelZeroDepth = new Set(levels[0]!.map((table) => table.maxSequence)).size;
    this.levelBytes = levels.map(bytesOfTables);
    this.entries = levels.flat().reduce((sum, table) => sum + table.entries, 0);
  }

  *tables(): Generator<LiveTable> {
    for (const level of this.levels) {
      yield* level;
    }
  }

  /** The table of a level below level 0 that may hold `key`; a level has at most one. */
  tableFor(level: number, key: ByteString): LiveTable | undefined {
    const tables = this.levels[level]!;
    const table = tables[firstEndingAtOrAfter(tables, key)];
    return table !== undefined && table.smallest <= key ? table : undefined;
  }

  apply(edit: VersionEdit): Version {
    const removed = new Set(edit.removedTables);
    const levels = this.levels.map((level) => level.filter((table) => !removed.has(table.fileNumber)));
    for (const { level, table } of edit.addedTables ?? []) {
      invariant(level >= 0 && level < levelCount, "a version edit names an existing level");
      levels[level]!.push(table);
    }
    levels.forEach((level, index) => {
      level.sort(index === 0 ? byNewest : bySmallest);
    });
    return new Version(levels);
  }

  /** What is wrong with the tree's shape, or undefined. */
  findOverlap(): string | undefined {
    for (let level = 1; level < levelCount; level++) {
      const tables = this.levels[level]!;
      for (let at = 1; at < tables.length; at++) {
        if (tables[at - 1]!.largest >= tables[at]!.smallest) {
          return `tables ${tables[at - 1]!.fileNumber} and ${tables[at]!.fileNumber} of level ${level} overlap`;
        }
      }
    }
    return undefined;
  }
}

/** In tables ordered by key: the position of the first whose largest key is at or after `key`. */
export function firstEndingAtOrAfter(tables: readonly KeySpan[], key: ByteString): number {
  let low = 0;
  let high = tables.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (tables[middle]!.largest < key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

export function bytesOfTables(tables: readonly LiveTable[]): number {
  return tables.reduce((sum, table) => sum + table.sizeBytes, 0);
}

/** The tables that have a key between `smallest` and `largest`, both included. */
export function overlapping(
  tables: readonly LiveTable[],
  smallest: ByteString,
  largest: ByteString,
): LiveTable[] {
  return tables.filter((table) => table.largest >= smallest && table.smallest <= largest);
}
