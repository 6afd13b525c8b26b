import type { ValueEncoding } from "../../shared/format/value-encoding.js";
import type { BulkEntry, StoredEntry } from "../calls/call-options.js";
import type { Key } from "../calls/keys.js";
import { checkFields, invalidOption, isPlainObject } from "../calls/options.js";
import { notApplied, withContext } from "../calls/refusals.js";
import type { EntryEncoder } from "../encoding/entry-encoder.js";
import type { BulkLoad } from "./bulk-load.js";

const fieldsOfEntry: ReadonlySet<string> = new Set(["key", "value", "encoding", "ttl", "expiresAt"]);
const fieldsOfStored: ReadonlySet<string> = new Set(["key", "stored", "encoding", "tag", "expiresAt"]);

type AnyIterator<T> = Iterator<T> | AsyncIterator<T>;

/** The source of a bulk load: a program's iterable, asynchronous or not. */
export class EntrySource<V> {
  readonly #iterator: AnyIterator<BulkEntry<V>>;
  readonly #encoder: EntryEncoder;
  readonly #encoding: ValueEncoding | undefined;
  #count = 0;

  /** @throws FastKVError `FASTKV_INVALID_OPTION` if the source cannot be iterated. */
  constructor(
    source: Iterable<BulkEntry<V>> | AsyncIterable<BulkEntry<V>>,
    encoder: EntryEncoder,
    encoding: ValueEncoding | undefined,
  ) {
    this.#iterator = iteratorOf(source);
    this.#encoder = encoder;
    this.#encoding = encoding;
  }

  /**
   * Feeds the load until a chunk is full. Returns true at the end of the source. Asynchronous only if the source is.
   */
  pull(load: BulkLoad): boolean | Promise<boolean> {
    for (;;) {
      const next = this.#iterator.next();
      if ("then" in next) {
        return this.#pullAsync(load, next);
      }
      if (next.done === true) {
        return true;
      }
      if (this.#feed(load, next.value)) {
        return false;
      }
    }
  }

  /** Asks the source to clean up. Does not wait, since the source may be in the middle of something. */
  leave(): void {
    try {
      void Promise.resolve(this.#iterator.return?.()).catch(() => undefined);
    } catch {
      // The error that ended the load matters more.
    }
  }

  async #pullAsync(load: BulkLoad, first: Promise<IteratorResult<BulkEntry<V>>>): Promise<boolean> {
    let next: IteratorResult<BulkEntry<V>> = await first;
    while (next.done !== true) {
      if (load.isStopped || this.#feed(load, next.value)) {
        return false;
      }
      next = await this.#iterator.next();
    }
    return true;
  }

  #feed(load: BulkLoad, entry: BulkEntry<V>): boolean {
    this.#count += 1;
    try {
      this.#encode(entry);
    } catch (error) {
      throw notApplied(withContext(`Entry ${this.#count} of the bulk load`, error));
    }
    return load.add(this.#encoder);
  }

  #encode(entry: BulkEntry<V>): void {
    if (typeof entry !== "object" || entry === null) {
      throw invalidOption("bulkLoad takes entries [key, value], { key, value } or { key, stored, tag }");
    }
    if (Array.isArray(entry)) {
      if (entry.length !== 2) {
        throw invalidOption(`A pair is [key, value], not an array of ${entry.length}`);
      }
      this.#encoder.setEntry(entry[0] as Key, entry[1], { encoding: this.#encoding });
    } else if ("stored" in entry) {
      checkFields("A stored entry", entry, fieldsOfStored);
      this.#encoder.setStored(entry);
    } else {
      checkFields("An entry", entry, fieldsOfEntry);
      const { key, value, encoding, ttl, expiresAt } = entry as Exclude<
        BulkEntry<V>,
        readonly unknown[] | StoredEntry
      >;
      this.#encoder.setEntry(key, value, { encoding: encoding ?? this.#encoding, ttl, expiresAt });
    }
  }
}

function iteratorOf<T>(source: Iterable<T> | AsyncIterable<T>): AnyIterator<T> {
  if (typeof source === "object" && source !== null) {
    if (Symbol.asyncIterator in source) {
      return source[Symbol.asyncIterator]();
    }
    if (Symbol.iterator in source) {
      return source[Symbol.iterator]();
    }
  }
  const hint = isPlainObject(source) ? ". Of an object give Object.entries(object)" : "";
  throw invalidOption(`bulkLoad takes an iterable or an async iterable of entries${hint}`);
}
