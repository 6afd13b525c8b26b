/** Reads LevelDB through classic-level. Nothing is written to the source's folder: see scratch-copy.ts. */

import { loadPeerPackage } from "../peer-package.js";
import type { ImportRequest } from "../request.js";
import { groupBytes, groupEntries, type Source, type SourceEntry } from "../source.js";
import { changedSource, sourceError, unusableSource } from "../source-failure.js";
import { valueFromBytes } from "../source-value.js";
import { copyLevelDatabase, type Fingerprint, fingerprint } from "./scratch-copy.js";

/** The parts of classic-level that are used. */
interface ClassicLevel {
  open(): Promise<void>;
  close(): Promise<void>;
  keys(options: object): LevelIterator<Uint8Array>;
  iterator(options: object): LevelIterator<[Uint8Array, Uint8Array]>;
}
interface LevelIterator<T> {
  nextv(size: number): Promise<T[]>;
  close(): Promise<void>;
}
type ClassicLevelClass = new (folder: string, options: object) => ClassicLevel;

export async function openLevelSource(request: ImportRequest): Promise<Source> {
  const { path, scratchFolder } = request;
  const { ClassicLevel: Level } = (await loadPeerPackage("classic-level")) as {
    ClassicLevel: ClassicLevelClass;
  };
  const before = await copyLevelDatabase(path, scratchFolder);
  const db = new Level(scratchFolder, { createIfMissing: false, keyEncoding: "view", valueEncoding: "view" });
  try {
    await db.open();
  } catch (error) {
    throw openError(path, error);
  }
  return new LevelSource(db, request, before);
}

class LevelSource implements Source {
  readonly #db: ClassicLevel;
  readonly #request: ImportRequest;
  readonly #fingerprint: Fingerprint;

  constructor(db: ClassicLevel, request: ImportRequest, before: Fingerprint) {
    this.#db = db;
    this.#request = request;
    this.#fingerprint = before;
  }

  async count(): Promise<number> {
    let count = 0;
    for await (const keys of this.#read(this.#db.keys(readOptions))) {
      count += keys.length;
    }
    return count;
  }

  async *groups(): AsyncGenerator<SourceEntry[]> {
    const encoding = this.#request.encoding ?? "binary";
    if (encoding === "msgpack") {
      throw unusableSource("--encoding msgpack is for --from lmdb");
    }
    for await (const pairs of this.#read(this.#db.iterator(readOptions))) {
      yield pairs.map(([key, bytes]) => ({ key, value: valueFromBytes(key, bytes, encoding) }));
    }
    if ((await fingerprint(this.#request.path)) !== this.#fingerprint) {
      throw changedSource(this.#request.path);
    }
  }

  async *#read<T>(iterator: LevelIterator<T>): AsyncGenerator<T[]> {
    try {
      for (let part = await iterator.nextv(groupEntries); part.length > 0; ) {
        yield part;
        part = await iterator.nextv(groupEntries);
      }
    } catch (error) {
      throw sourceError(this.#request.path, error);
    } finally {
      await iterator.close();
    }
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}

const readOptions = { fillCache: false, highWaterMarkBytes: groupBytes };

function openError(path: string, error: unknown): Error {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Error && "code" in cause && cause.code === "LEVEL_LOCKED") {
    return unusableSource(`${path} is open in another program. Close it there, then import again`, error);
  }
  return sourceError(path, error);
}
