/** Level's three iterators, based on a FastKV cursor. Level itself counts, checks the limit and decodes. */

import {
  AbstractIterator,
  type AbstractIteratorOptions,
  AbstractKeyIterator,
  AbstractValueIterator,
} from "abstract-level";
import type { Cursor, Key, Scan } from "../../index.js";
import { inLevelTerms, levelError } from "./level-error.js";
import type { LevelData } from "./level-format.js";

type IteratorOptions = AbstractIteratorOptions<LevelData, LevelData>;
type Entry = [LevelData | undefined, LevelData | undefined];

/** The part that the iterators share: the items of a scan in Level's form. */
class LevelCursor<Stored, Item> {
  readonly #cursor: Cursor<Stored>;
  readonly #convert: (stored: Stored) => Item;

  constructor(scan: Scan<Stored>, convert: (stored: Stored) => Item) {
    this.#cursor = scan.cursor();
    this.#convert = convert;
  }

  next(): Promise<Item | undefined> {
    return inLevelTerms(async () => {
      const stored = await this.#cursor.next();
      return stored === undefined ? undefined : this.#convert(stored);
    });
  }

  /** Infinity means all. */
  read(size: number): Promise<Item[]> {
    return inLevelTerms(async () => (await this.#cursor.read(size)).map(this.#convert));
  }

  seek(target: Key): void {
    try {
      this.#cursor.seek(target);
    } catch (error) {
      throw levelError(error);
    }
  }

  close(): Promise<void> {
    return this.#cursor.close();
  }
}

export class LevelIterator<Database, Stored> extends AbstractIterator<Database, LevelData, LevelData> {
  readonly #cursor: LevelCursor<Stored, Entry>;

  constructor(
    db: Database,
    options: IteratorOptions,
    scan: Scan<Stored>,
    convert: (stored: Stored) => Entry,
  ) {
    super(db, options);
    this.#cursor = new LevelCursor(scan, convert);
  }

  _next(): Promise<Entry | undefined> {
    return this.#cursor.next();
  }

  _nextv(size: number): Promise<Entry[]> {
    return this.#cursor.read(size);
  }

  _all(): Promise<Entry[]> {
    return this.#cursor.read(Number.POSITIVE_INFINITY);
  }

  _seek(target: Key): void {
    this.#cursor.seek(target);
  }

  _close(): Promise<void> {
    return this.#cursor.close();
  }
}

export class LevelKeyIterator<Database> extends AbstractKeyIterator<Database, LevelData> {
  readonly #cursor: LevelCursor<Uint8Array, LevelData>;

  constructor(
    db: Database,
    options: IteratorOptions,
    scan: Scan<Uint8Array>,
    convert: (key: Uint8Array) => LevelData,
  ) {
    super(db, options);
    this.#cursor = new LevelCursor(scan, convert);
  }

  _next(): Promise<LevelData | undefined> {
    return this.#cursor.next();
  }

  _nextv(size: number): Promise<LevelData[]> {
    return this.#cursor.read(size);
  }

  _all(): Promise<LevelData[]> {
    return this.#cursor.read(Number.POSITIVE_INFINITY);
  }

  _seek(target: Key): void {
    this.#cursor.seek(target);
  }

  _close(): Promise<void> {
    return this.#cursor.close();
  }
}

export class LevelValueIterator<Database> extends AbstractValueIterator<Database, LevelData, LevelData> {
  readonly #cursor: LevelCursor<unknown, LevelData>;

  constructor(
    db: Database,
    options: IteratorOptions,
    scan: Scan<unknown>,
    convert: (value: unknown) => LevelData,
  ) {
    super(db, options);
    this.#cursor = new LevelCursor(scan, convert);
  }

  _next(): Promise<LevelData | undefined> {
    return this.#cursor.next();
  }

  _nextv(size: number): Promise<LevelData[]> {
    return this.#cursor.read(size);
  }

  _all(): Promise<LevelData[]> {
    return this.#cursor.read(Number.POSITIVE_INFINITY);
  }

  _seek(target: Key): void {
    this.#cursor.seek(target);
  }

  _close(): Promise<void> {
    return this.#cursor.close();
  }
}
