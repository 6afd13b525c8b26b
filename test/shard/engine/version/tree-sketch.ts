/** Tables and trees of them as a few words, for the parts that only look at a tree and decide. */

import { type LiveTable, Version } from "../../../../shard/engine/version/version.js";

export type TableDetails = Partial<LiveTable>;

/** A table of 100 bytes with the keys of an interval such as "b-d". Its one sequence number is its file number. */
export function table(fileNumber: number, keys: string, details: TableDetails = {}): LiveTable {
  const [smallest, largest] = keys.split("-") as [string, string];
  return {
    fileNumber,
    sizeBytes: 100,
    smallest,
    largest,
    entries: 1,
    puts: 1,
    deletes: 0,
    keys: 1,
    minSequence: fileNumber,
    maxSequence: fileNumber,
    minExpiresAt: 0,
    maxExpiresAt: 0,
    rawBytes: 100,
    sequenceOverride: 0,
    clearedSequence: 0,
    ...details,
  };
}

/** The tables of some levels, by the number of the level. */
export type TreeSketch = Record<number, LiveTable[]>;

export function treeOf(sketch: TreeSketch): Version {
  const addedTables = Object.entries(sketch).flatMap(([level, tables]) =>
    tables.map((one) => ({ level: Number(level), table: one })),
  );
  return new Version().apply({ addedTables });
}

export function numbersOf(tables: readonly LiveTable[]): number[] {
  return tables.map(({ fileNumber }) => fileNumber);
}
