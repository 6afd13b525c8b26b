/** What `import` is asked to read, as it goes to the process that reads it. */

export const sourceKinds = ["leveldb", "lmdb", "sqlite"] as const;
export type SourceKind = (typeof sourceKinds)[number];

/** How the values of a source are to be taken; see source-value.ts. */
export const sourceEncodings = ["binary", "json", "utf8", "msgpack"] as const;
export type SourceEncoding = (typeof sourceEncodings)[number];

export interface ImportRequest {
  from: SourceKind;
  /** Absolute. */
  path: string;
  /** Absent: bytes as they are; of SQLite, each value by its type. */
  encoding?: SourceEncoding | undefined;
  /** An empty folder of ours, for what a reader must write. */
  scratchFolder: string;
  /** SQLite: the table, and its columns. */
  table?: string | undefined;
  keyColumn?: string | undefined;
  valueColumn?: string | undefined;
  /** LMDB: the name of a database within the file. */
  database?: string | undefined;
}
