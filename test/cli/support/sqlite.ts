/** Makes SQLite databases with what this machine has: Node's own SQLite, or the package of the peers' benchmark. */

import { createRequire, isBuiltin } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { cliFolder } from "./cli.js";

interface SqliteDatabase {
  exec(sql: string): void;
  close(): void;
}
type SqliteClass = new (path: string) => SqliteDatabase;

/** Where `npm run bench:peers` has installed better-sqlite3, which needs a compiler or a download. */
const peersFolder = join(cliFolder, "../benchmarks/peers");

export interface SqliteForTests {
  /** Where the command has to run so that it finds it; undefined: anywhere. */
  folder: string | undefined;
  /** Runs statements in a database, which is made if it is not there. */
  run(path: string, sql: string): Promise<void>;
}

export const hasBuiltInSqlite = isBuiltin("node:sqlite");

/** Undefined where there is none: an older Node without the package. */
export function findSqlite(): SqliteForTests | undefined {
  if (hasBuiltInSqlite) {
    const name = "node:sqlite";
    return {
      folder: undefined,
      run: (path, sql) =>
        execute(async () => ((await import(name)) as { DatabaseSync: SqliteClass }).DatabaseSync, path, sql),
    };
  }
  try {
    const file = createRequire(join(peersFolder, "package.json")).resolve("better-sqlite3");
    return {
      folder: peersFolder,
      run: (path, sql) =>
        execute(
          async () => ((await import(pathToFileURL(file).href)) as { default: SqliteClass }).default,
          path,
          sql,
        ),
    };
  } catch {
    return undefined;
  }
}

async function execute(load: () => Promise<SqliteClass>, path: string, sql: string): Promise<void> {
  const Database = await load();
  const database = new Database(path);
  database.exec(sql);
  database.close();
}
