/** LMDB, through the package lmdb, in one read transaction. */

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { displayKey, keyFromBytes } from "../text/key.js";
import { loadPeerPackage } from "./peer-package.js";
import type { ImportRequest } from "./request.js";
import { grouped, type Source, type SourceEntry, type SourceValue } from "./source.js";
import { sourceError, unusableSource } from "./source-failure.js";
import { valueFromBytes } from "./source-value.js";

/** What is used of lmdb. */
interface LmdbDatabase {
  /** Gives undefined where there is none of the name. */
  openDB(options: object): LmdbDatabase | undefined;
  useReadTransaction(): { done(): void };
  getCount(options: object): number;
  getRange(options: object): Iterable<{ key: Uint8Array; value: unknown }>;
  getStats(): { pageSize: number; lastPageNumber?: number };
  close(): Promise<void>;
}

/** In its own database LMDB keeps the others as values of this size: the struct MDB_db. */
const databaseRecordBytes = 48;

export async function openLmdbSource(request: ImportRequest): Promise<Source> {
  const { open } = (await loadPeerPackage("lmdb")) as { open(options: object): LmdbDatabase };
  const facts = await stat(request.path);
  const file = facts.isDirectory() ? join(request.path, "data.mdb") : request.path;
  const { size } = await stat(file).catch(() => {
    throw unusableSource(
      `${request.path} is no LMDB database: a folder with a file data.mdb, or such a file`,
    );
  });
  const format = { keyEncoding: "binary", encoding: request.encoding === "msgpack" ? "msgpack" : "binary" };
  let root: LmdbDatabase | undefined;
  try {
    root = open({ path: request.path, noSubdir: !facts.isDirectory(), readOnly: true, ...format });
    const { lastPageNumber, pageSize } = root.getStats();
    if (lastPageNumber !== undefined && (lastPageNumber + 1) * pageSize > size) {
      throw unusableSource(`${file} is damaged: it is shorter than it says. Nothing was loaded`);
    }
    return new LmdbSource(root, chosen(root, request, format), request);
  } catch (error) {
    await root?.close();
    throw sourceError(request.path, error);
  }
}

function chosen(root: LmdbDatabase, { database, path }: ImportRequest, format: object): LmdbDatabase {
  if (database === undefined) {
    return root;
  }
  const found = root.openDB({ name: database, ...format });
  if (found === undefined) {
    throw unusableSource(`There is no database ${displayKey(database)} in ${path}`);
  }
  return found;
}

class LmdbSource implements Source {
  readonly #root: LmdbDatabase;
  readonly #database: LmdbDatabase;
  readonly #request: ImportRequest;
  readonly #transaction: { done(): void };

  constructor(root: LmdbDatabase, database: LmdbDatabase, request: ImportRequest) {
    this.#root = root;
    this.#database = database;
    this.#request = request;
    this.#transaction = database.useReadTransaction();
  }

  async count(): Promise<number> {
    return this.#database.getCount({ transaction: this.#transaction });
  }

  groups(): Iterable<SourceEntry[]> {
    return grouped(this.#entries());
  }

  *#entries(): Generator<SourceEntry> {
    const { path } = this.#request;
    let previous: Buffer | undefined;
    try {
      for (const { key, value } of this.#database.getRange({ transaction: this.#transaction })) {
        // Both may be views of memory that lmdb uses again.
        const copy = Buffer.from(key);
        if (previous?.equals(copy)) {
          throw unusableSource(
            `${path} has several values for the key ${displayKey(keyFromBytes(copy))} (dupSort); a key of FastKV has one`,
          );
        }
        previous = copy;
        yield { key: copy, value: this.#value(copy, value) };
      }
    } catch (error) {
      throw sourceError(path, error);
    }
  }

  #value(key: Buffer, value: unknown): SourceValue {
    const { encoding = "binary", database } = this.#request;
    if (database === undefined && this.#isDatabase(key, value)) {
      throw unusableSource(
        `${this.#request.path} holds several databases, such as ${databaseName(key)}: choose one with --database`,
      );
    }
    return encoding === "msgpack"
      ? { kind: "msgpack", value }
      : valueFromBytes(key, Buffer.from(value as Uint8Array), encoding);
  }

  #isDatabase(key: Buffer, value: unknown): boolean {
    // A msgpack decoder makes something else of the record: then the key alone is asked for.
    const mayBe =
      this.#request.encoding === "msgpack" || (value as Uint8Array).length === databaseRecordBytes;
    return mayBe && this.#root.openDB({ name: databaseName(key), keyEncoding: "binary" }) !== undefined;
  }

  async close(): Promise<void> {
    this.#transaction.done();
    await this.#root.close();
  }
}

/** lmdb's names end with a zero byte in the file. */
function databaseName(key: Buffer): string {
  return key.toString("utf8").replace(/\0$/, "");
}
