/** Reads LMDB through the package lmdb, in one read transaction. */

import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { displayKey, keyFromBytes } from "../text/key.js";
import { loadPeerPackage } from "./peer-package.js";
import type { ImportRequest } from "./request.js";
import { grouped, type Source, type SourceEntry, type SourceValue } from "./source.js";
import { sourceError, unusableSource } from "./source-failure.js";
import { valueFromBytes } from "./source-value.js";

/** The parts of lmdb that are used. */
interface LmdbDatabase {
  /** Returns undefined if there is no database of this name. */
  openDB(options: object): LmdbDatabase | undefined;
  useReadTransaction(): { done(): void };
  getCount(options: object): number;
  getRange(options: object): Iterable<{ key: Uint8Array; value: unknown }>;
  getStats(): { pageSize: number; lastPageNumber?: number };
  close(): Promise<void>;
}

type OpenLmdb = (options: object) => LmdbDatabase;

export async function openLmdbSource(request: ImportRequest): Promise<Source> {
  const { open: openLmdb } = (await loadPeerPackage("lmdb")) as { open: OpenLmdb };
  const { path, database, encoding } = request;
  const facts = await stat(path);
  const file = facts.isDirectory() ? join(path, "data.mdb") : path;
  const { size } = await stat(file).catch(() => {
    throw unusableSource(`${path} is no LMDB database: a folder with a file data.mdb, or such a file`);
  });
  if (!(await isLmdbFile(file))) {
    throw unusableSource(`${file} is no LMDB database: it does not begin like one`);
  }
  const options = { path, noSubdir: !facts.isDirectory(), readOnly: true, keyEncoding: "binary" };
  let root: LmdbDatabase | undefined;
  try {
    root = openLmdb({ ...options, encoding: "binary" });
    const { lastPageNumber, pageSize } = root.getStats();
    if (lastPageNumber !== undefined && (lastPageNumber + 1) * pageSize > size) {
      throw unusableSource(`${file} is damaged: it is shorter than it says. Nothing was loaded`);
    }
    if (database === undefined) {
      refuseSeveralDatabases(root, path);
    }
    if (encoding === "msgpack") {
      await root.close();
      root = openLmdb({ ...options, encoding });
    }
    return new LmdbSource(root, chosen(root, request), request);
  } catch (error) {
    await root?.close();
    throw sourceError(path, error);
  }
}

/** The package would open any file as a database, and end the process when it follows the data in it. */
async function isLmdbFile(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(magicOffsets.at(-1)! + 4), 0);
    return magicOffsets.some((at) => bytesRead >= at + 4 && buffer.readUInt32LE(at) === magic);
  } finally {
    await handle.close();
  }
}

/**
 * MDB_MAGIC of LMDB's mdb.c, after the header of the first page: of 16 bytes, or of 24 in the version that the package
 * uses.
 */
const magic = 0xbeefc0de;
const magicOffsets = [16, 24] as const;

/** LMDB stores its databases as values of the unnamed one, where they would be taken for entries. */
function refuseSeveralDatabases(root: LmdbDatabase, path: string): void {
  const suspects: string[] = [];
  for (const { key, value } of root.getRange({})) {
    if (mayBeDatabase(Buffer.from(value as Uint8Array)) && suspects.length < maxSuspects) {
      // The package ends the names with a zero byte in the file.
      suspects.push(Buffer.from(key).toString("utf8").replace(/\0$/, ""));
    }
  }
  const name = suspects.find(
    (suspect) => root.openDB({ name: suspect, keyEncoding: "binary" }) !== undefined,
  );
  if (name !== undefined) {
    throw unusableSource(
      `${path} holds several databases, such as ${displayKey(name)}: choose one with --database`,
    );
  }
}

const maxSuspects = 32;

/**
 * The struct MDB_db of LMDB's mdb.c, 48 bytes on a 64-bit machine: pad (4) | flags (2) | depth (2) | branch pages (8) |
 * leaf pages (8) | overflow pages (8) | entries (8) | root page (8). An empty one has no root: that field is all ones.
 */
function mayBeDatabase(record: Buffer): boolean {
  const maxDepth = 64;
  return record.length === 48 && record.readUInt16LE(4) <= 0xff && record.readUInt16LE(6) <= maxDepth;
}

function chosen(root: LmdbDatabase, { database, path, encoding }: ImportRequest): LmdbDatabase {
  if (database === undefined) {
    return root;
  }
  const found = root.openDB({
    name: database,
    keyEncoding: "binary",
    encoding: encoding === "msgpack" ? encoding : "binary",
  });
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
        // Both may be views of memory that lmdb reuses.
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
    const { encoding = "binary" } = this.#request;
    return encoding === "msgpack"
      ? { kind: "msgpack", value }
      : valueFromBytes(key, Buffer.from(value as Uint8Array), encoding);
  }

  async close(): Promise<void> {
    this.#transaction.done();
    await this.#root.close();
  }
}
