/** Which table of an SQLite database, and which of its columns, hold keys and values. */

import { escapeControls } from "fastkv-cli/kit/escape";
import type { ImportRequest } from "./request.js";
import { unusableSource } from "./source-failure.js";
import type { SqliteConnection } from "./sqlite-driver.js";

/** Names quoted for SQL. */
export interface KeyValueTable {
  table: string;
  key: string;
  value: string;
}

interface Column {
  name: string;
  isPrimaryKey: boolean;
}

/**
 * Finds the requested table and columns; those not given are guessed if there is no doubt. @throws CommandFailure that
 * lists the choices
 */
export function keyValueTable(connection: SqliteConnection, request: ImportRequest): KeyValueTable {
  const table = chosenTable(connection, request);
  const columns: Column[] = [];
  for (const { name, pk } of connection.rows(
    `SELECT name, pk FROM pragma_table_info(${textLiteral(table)})`,
  )) {
    columns.push({ name: name as string, isPrimaryKey: pk !== 0n });
  }
  if (columns.length === 0) {
    throw unusableSource(`There is no table ${shown(table)} in ${request.path}`);
  }
  const [key, value] = chosenColumns(table, columns, request);
  return { table: quoted(table), key: quoted(key.name), value: quoted(value.name) };
}

function chosenTable(connection: SqliteConnection, { path, table }: ImportRequest): string {
  if (table !== undefined) {
    return table;
  }
  const sql = `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name`;
  const names = [...connection.rows(sql)].map(({ name }) => name as string);
  if (names.length !== 1) {
    throw unusableSource(
      names.length === 0
        ? `${path} has no tables`
        : `${path} has the tables ${names.map(shown).join(", ")}: choose one with --table`,
    );
  }
  return names[0]!;
}

function chosenColumns(table: string, columns: readonly Column[], request: ImportRequest): [Column, Column] {
  const named = (name: string): Column => {
    const found =
      columns.find((column) => column.name === name) ??
      columns.find((column) => column.name.toLowerCase() === name.toLowerCase());
    if (found === undefined) {
      throw unusableSource(`Table ${shown(table)} has no column ${shown(name)}, but ${listed(columns)}`);
    }
    return found;
  };
  const { keyColumn, valueColumn } = request;
  let key = keyColumn === undefined ? undefined : named(keyColumn);
  let value = valueColumn === undefined ? undefined : named(valueColumn);
  if (columns.length === 2) {
    const other = (known: Column): Column => columns.find((column) => column !== known)!;
    key ??= value ? other(value) : (columns.find(({ isPrimaryKey }) => isPrimaryKey) ?? columns[0]!);
    value ??= other(key);
  }
  if (key === undefined || value === undefined) {
    throw unusableSource(
      `Table ${shown(table)} has the columns ${listed(columns)}: choose two with --key-column and --value-column`,
    );
  }
  return [key, value];
}

function listed(columns: readonly Column[]): string {
  return columns.map(({ name }) => shown(name)).join(", ");
}

function shown(name: string): string {
  return escapeControls(name);
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function textLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
