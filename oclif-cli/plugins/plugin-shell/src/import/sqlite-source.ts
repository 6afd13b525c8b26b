/**
 * Reads SQLite in one read transaction. Without `--encoding` each value is taken by its type: TEXT as a string, INTEGER
 * and REAL as a number (as a BigInt if a number would not be exact), NULL as null, BLOB as bytes. A key is TEXT, BLOB
 * or INTEGER (its decimal digits).
 */

import { stat } from "node:fs/promises";
import type { ImportRequest, SourceEncoding } from "./request.js";
import { grouped, type Source, type SourceEntry, type SourceValue } from "./source.js";
import { sourceError, unusableSource } from "./source-failure.js";
import { unusableValue, valueFromBytes, valueFromNumber } from "./source-value.js";
import { connectSqlite, type SqliteConnection, type SqlRow, type SqlValue } from "./sqlite-driver.js";
import { type KeyValueTable, keyValueTable } from "./sqlite-table.js";

export async function openSqliteSource(request: ImportRequest): Promise<Source> {
  if (!(await stat(request.path)).isFile()) {
    throw unusableSource(`${request.path} is no SQLite database, which is a file`);
  }
  let connection: SqliteConnection | undefined;
  try {
    connection = await connectSqlite(request.path);
    connection.run("BEGIN");
    const [check] = [...connection.rows("PRAGMA quick_check(1)")];
    const result = check && Object.values(check)[0];
    if (result !== "ok") {
      throw unusableSource(`${request.path} is damaged: ${String(result)}. Nothing was loaded`);
    }
    return new SqliteSource(connection, keyValueTable(connection, request), request);
  } catch (error) {
    connection?.close();
    throw sourceError(request.path, error);
  }
}

class SqliteSource implements Source {
  readonly #connection: SqliteConnection;
  readonly #table: KeyValueTable;
  readonly #request: ImportRequest;
  readonly #textFromBytes: (bytes: Buffer) => Buffer;

  constructor(connection: SqliteConnection, table: KeyValueTable, request: ImportRequest) {
    this.#connection = connection;
    this.#table = table;
    this.#request = request;
    this.#textFromBytes = textDecoder(connection);
  }

  async count(): Promise<number> {
    const { table, key } = this.#table;
    try {
      const sql = `SELECT COUNT(*) AS entries, COUNT(DISTINCT CAST(${key} AS BLOB)) AS keys FROM ${table}`;
      const [{ entries, keys }] = [...this.#connection.rows(sql)] as [{ entries: bigint; keys: bigint }];
      if (entries !== keys) {
        throw unusableSource(
          `Column ${key} of ${table} is no key: ${entries} rows have ${keys} different values. Choose another --key-column`,
        );
      }
      return Number(entries);
    } catch (error) {
      throw sourceError(this.#request.path, error);
    }
  }

  groups(): Iterable<SourceEntry[]> {
    return grouped(this.#entries());
  }

  *#entries(): Generator<SourceEntry> {
    const { table, key, value } = this.#table;
    // Text is read as its bytes: otherwise ill-formed text would be changed silently.
    const sql = `SELECT typeof(${key}) AS keyType, CAST(${key} AS BLOB) AS keyBytes, typeof(${value}) AS type,
      CASE typeof(${value}) WHEN 'text' THEN CAST(${value} AS BLOB) ELSE ${value} END AS value FROM ${table}`;
    try {
      for (const row of this.#connection.rows(sql)) {
        yield this.#entry(row);
      }
    } catch (error) {
      throw sourceError(this.#request.path, error);
    }
  }

  #entry({ keyType, keyBytes, type, value }: SqlRow): SourceEntry {
    if (keyType === "null" || keyType === "real") {
      throw unusableSource(
        `A key in ${this.#request.path} is ${keyType.toUpperCase()}: only TEXT, BLOB and INTEGER can be`,
      );
    }
    const key = keyType === "blob" ? bytesOf(keyBytes!) : this.#textFromBytes(bytesOf(keyBytes!));
    return { key, value: this.#value(key, type as string, value!) };
  }

  #value(key: Buffer, type: string, value: SqlValue): SourceValue {
    const encoding = this.#request.encoding as Exclude<SourceEncoding, "msgpack"> | undefined;
    switch (type) {
      case "text":
        return valueFromBytes(key, this.#textFromBytes(bytesOf(value)), encoding ?? "utf8");
      case "blob":
        return valueFromBytes(key, bytesOf(value), encoding ?? "binary");
      default:
        if (encoding === "binary" || encoding === "utf8") {
          throw unusableValue(
            key,
            `is ${type.toUpperCase()}, which has no bytes; leave --encoding ${encoding} out`,
          );
        }
        return value === null ? { kind: "json", value } : valueFromNumber(value as number | bigint);
    }
  }

  async close(): Promise<void> {
    this.#connection.close();
  }
}

/** Some drivers return null for an empty value. */
function bytesOf(value: SqlValue): Buffer {
  return Buffer.from((value ?? []) as Uint8Array);
}

/** Converts text to UTF-8, whatever encoding the database uses. */
function textDecoder(connection: SqliteConnection): (bytes: Buffer) => Buffer {
  const [row] = [...connection.rows("PRAGMA encoding")];
  switch (row && Object.values(row)[0]) {
    case "UTF-16le":
      return (bytes) => Buffer.from(bytes.toString("utf16le"));
    case "UTF-16be":
      return (bytes) => Buffer.from(bytes.swap16().toString("utf16le"));
    default:
      return (bytes) => bytes;
  }
}
