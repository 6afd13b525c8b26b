/** SQLite through `node:sqlite`, if this version of Node has it, otherwise through the package better-sqlite3. */

import { isBuiltin } from "node:module";
import { loadPeerPackage } from "./peer-package.js";
import { unusableSource } from "./source-failure.js";

export type SqlValue = null | number | bigint | string | Uint8Array;
export type SqlRow = Record<string, SqlValue>;

/** Read-only. Whole numbers come as BigInt. */
export interface SqliteConnection {
  run(sql: string): void;
  rows(sql: string): Iterable<SqlRow>;
  close(): void;
}

/** The parts of both that are used. */
interface Statement {
  iterate(): Iterable<SqlRow>;
  /** Only in node:sqlite. */
  setReadBigInts?(enabled: boolean): void;
  /** Only in better-sqlite3. */
  safeIntegers?(): void;
}
interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}
type DatabaseClass = new (path: string, options: object) => Database;

export async function connectSqlite(path: string): Promise<SqliteConnection> {
  const BuiltIn = await builtIn();
  const database =
    BuiltIn === undefined
      ? new (await installed())(path, { readonly: true, fileMustExist: true })
      : new BuiltIn(path, { readOnly: true });
  return {
    run: (sql) => database.exec(sql),
    rows(sql) {
      const statement = database.prepare(sql);
      statement.setReadBigInts?.(true);
      statement.safeIntegers?.();
      return statement.iterate();
    },
    close: () => database.close(),
  };
}

async function builtIn(): Promise<DatabaseClass | undefined> {
  // Node 20 has no types for it; a bundler or an older Node does not have the module.
  const name = "node:sqlite";
  return isBuiltin(name) ? ((await import(name)) as { DatabaseSync: DatabaseClass }).DatabaseSync : undefined;
}

async function installed(): Promise<DatabaseClass> {
  try {
    return (await loadPeerPackage("better-sqlite3")) as unknown as DatabaseClass;
  } catch (error) {
    const advice = "Or use Node 22.13 or newer, which has SQLite built in";
    throw unusableSource(`${error instanceof Error ? error.message : error}. ${advice}`, error);
  }
}
