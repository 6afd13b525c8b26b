/**
 * The files of a LevelDB database. Its manifest is a file of records, each of which edits the set of tables. Other
 * files in the folder were left by a crash. An edit is a sequence of (google/leveldb, db/version_edit.cc):
 *
 *     1 comparator: string       2 log number      3 next file number     4 last sequence
 *     5 compaction pointer: level, string          6 deleted table: level, number
 *     7 new table: level, number, size, smallest key (string), largest key (string)
 *     9 previous log number
 *
 * All numbers are varints; a string is stored as its length and its bytes.
 */

import { VarintReader } from "./varint-reader.js";

export interface LiveFiles {
  tables: ReadonlySet<number>;
  /** Logs below this number are already in tables. */
  logNumber: number;
}

/** @returns undefined if a record is not an edit */
export function liveFiles(records: readonly Buffer[]): LiveFiles | undefined {
  const tables = new Set<number>();
  let logNumber = 0;
  for (const record of records) {
    const reader = new VarintReader(record);
    while (!reader.isAtEnd) {
      const tag = reader.number();
      const [value, table] = [reader.number(), hasTable(tag) ? reader.number() : 0];
      if (tag === undefined || value === undefined || table === undefined) {
        return undefined;
      }
      switch (tag) {
        case 1:
          reader.skip(value, 0);
          break;
        case 2:
          logNumber = value;
          break;
        case 3:
        case 4:
        case 9:
          break;
        case 5:
          reader.skip(reader.number(), 0);
          break;
        case 6:
          tables.delete(table);
          break;
        case 7:
          reader.number();
          reader.skip(reader.number(), 0);
          reader.skip(reader.number(), 0);
          tables.add(table);
          break;
        default:
          return undefined;
      }
    }
  }
  return { tables, logNumber };
}

/** Whether the tag has a table number after the level. */
function hasTable(tag: number | undefined): boolean {
  return tag === 6 || tag === 7;
}
