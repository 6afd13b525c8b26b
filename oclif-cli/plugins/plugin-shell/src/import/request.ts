/** What `import` is to read, as sent to the process that reads it. */

export const sourceKinds = ["leveldb", "lmdb", "sqlite"] as const;
export type SourceKind = (typeof sourceKinds)[number];

/** How to interpret the values of a source; see source-value.ts. */
export const sourceEncodings = ["binary", "json", "utf8", "msgpack"] as const;
export type SourceEncoding = (typeof sourceEncodings)[number];

export interface ImportRequest {
  from: SourceKind;
  /** Absolute. */
  path: string;
  /** If absent: bytes as they are; for SQLite, each value by its type. */
  encoding?: SourceEncoding | undefined;
  /** An empty folder of ours, for files that a reader must write. */
  scratchFolder: string;
  /** SQLite: the table, and its columns. */
  table?: string | undefined;
  keyColumn?: string | undefined;
  valueColumn?: string | undefined;
  /** LMDB: the name of a database within the file. */
  database?: string | undefined;
}
