import type { ByteString } from "../../shared/bytes.js";
import type { ValueCodec } from "../../shared/codec/value-codec.js";
import { CacheFill } from "../cache/cache-fill.js";
import { copyPlain } from "../cache/plain-value.js";
import type { CacheEntry, ReadCache } from "../cache/read-cache.js";
import type { Key } from "../calls/keys.js";
import { withContext } from "../calls/refusals.js";
import type { Database } from "../database.js";
import type { EntryEncoder } from "../encoding/entry-encoder.js";
import type { Decode } from "../encoding/value-runs.js";
import type { PendingRead } from "../shards/pending.js";
import type { SnapshotPoint } from "../snapshot/snapshot.js";
import { ExpiryRead, ManyRead, type ManySource, ValueRead } from "./reads.js";

/**
 * Reads by key: from the read cache if it knows the key, else from the key's shard. Reads of a snapshot bypass the
 * cache, which has the newest values. Throws when a call is refused.
 */
export class PointReads {
  readonly #database: Database;
  readonly #codec: ValueCodec;
  /** Shared with writes. Its contents are not used after a call returns. */
  readonly #encoder: EntryEncoder;

  constructor(database: Database, codec: ValueCodec, encoder: EntryEncoder) {
    this.#database = database;
    this.#codec = codec;
    this.#encoder = encoder;
  }

  get(key: Key, point: SnapshotPoint | undefined): Promise<unknown> {
    const cache = this.#cacheAt(point);
    const entry = this.#recall(cache, key);
    if (entry?.isKnown) {
      return this.#database.turns.answer(entry.isMissing ? undefined : this.#valueOf(entry));
    }
    this.#checkAvailable();
    const fill = this.#fillOf(cache, entry);
    return this.#ask(
      point,
      (resolve, reject) => new ValueRead(kept(key), point, this.#decode, resolve, reject, fill),
    );
  }

  /** Returns when a key expires, in ms (0: never); -1 if there is no such key. */
  expiry(key: Key, point: SnapshotPoint | undefined): Promise<number> {
    const entry = this.#recall(this.#cacheAt(point), key);
    if (entry?.isKnown) {
      return this.#database.turns.answer(entry.isMissing ? -1 : entry.expiresAt);
    }
    this.#checkAvailable();
    return this.#ask<number>(point, (resolve, reject) => new ExpiryRead(kept(key), point, resolve, reject));
  }

  /**
   * Returns values by position, as of one moment, or `true` instead of a value if `withValues` is false. `call` is
   * named in error messages.
   */
  many(
    call: string,
    keys: readonly Key[],
    point: SnapshotPoint | undefined,
    withValues: boolean,
  ): Promise<unknown[]> {
    const own = Array.from(keys, (key: Key, place) =>
      typeof key === "string" ? key : this.#ownKey(key, `Key ${place + 1} of ${call}`),
    );
    const source = this.#manySource(this.#cacheAt(point), withValues);
    const values = new Promise<unknown[]>((resolve, reject) => {
      new ManyRead(own, point, withValues, source, resolve, reject).start();
    });
    return point === undefined ? values : point.keptDuring(values);
  }

  #manySource(cache: ReadCache | undefined, withValues: boolean): ManySource {
    let timeMs = 0;
    const now = (): number => timeMs;
    return {
      begin: () => {
        timeMs = this.#database.clock.freeze();
      },
      // After the requests have been sent.
      end: () => process.nextTick(this.#unfreeze),
      ask: (key, toRead) => {
        const entry = this.#recall(cache, key, now);
        if (entry?.isKnown) {
          return entry;
        }
        this.#checkAvailable();
        this.#send(toRead(withValues ? this.#fillOf(cache, entry) : undefined));
        return undefined;
      },
      decode: this.#decode,
      valueOf: (known) => this.#valueOf(known),
      soon: (values) => this.#database.turns.answerLarge(values, values.length),
    };
  }

  #cacheAt(point: SnapshotPoint | undefined): ReadCache | undefined {
    const { values } = this.#database.caches;
    return point === undefined && values.isEnabled ? values : undefined;
  }

  /**
   * Looks up a key in the read cache, if there is one to use. If the key is not known, it is in the encoder afterwards.
   */
  #recall(cache: ReadCache | undefined, key: Key, now = this.#now): CacheEntry | undefined {
    const encoder = this.#encoder;
    if (cache === undefined) {
      encoder.setKey(key);
      return undefined;
    }
    const known = cache.getByKey(key, now);
    if (known !== undefined) {
      return known;
    }
    encoder.setKey(key);
    return cache.get(cache.nameOf(key, encoder.key, encoder.keyBytes), now);
  }

  /** Returns the value of an entry that is known and not missing. */
  #valueOf(entry: CacheEntry): unknown {
    const { form, tag, text, plain } = entry;
    if (form === "flat" || form === "tree") {
      return copyPlain(plain, form);
    }
    const value = this.#codec.decodeKept(tag, text);
    this.#database.caches.values.noteDecoded(entry, text, value);
    return value;
  }

  /** Prepares to cache the result of a read of the key in the encoder. `entry`: the key's entry, if there is one. */
  #fillOf(cache: ReadCache | undefined, entry: CacheEntry | undefined): CacheFill | undefined {
    return cache && new CacheFill(cache, cache.ticket(entry, this.#ownName), this.#keep);
  }

  /** Reads the key in the encoder from its shard. */
  #ask<T>(
    point: SnapshotPoint | undefined,
    toRead: (resolve: (value: T) => void, reject: (error: unknown) => void) => PendingRead,
  ): Promise<T> {
    const value = new Promise<T>((resolve, reject) => {
      this.#send(toRead(resolve, reject));
    });
    return point === undefined ? value : point.keptDuring(value);
  }

  #checkAvailable(): void {
    this.#database.clients[this.#encoder.shard]!.checkAvailable();
  }

  #send(read: PendingRead): void {
    const { shard, key, keyBytes } = this.#encoder;
    this.#database.clients[shard]!.read(read, key, keyBytes);
  }

  /** The program's bytes may change before a read is repeated. */
  #ownKey(key: Key, what: string): Key {
    try {
      this.#encoder.setKey(key);
      return kept(key);
    } catch (error) {
      throw withContext(what, error);
    }
  }

  readonly #ownName = (): ByteString => this.#encoder.ownName();

  readonly #now = (): number => this.#database.clock.now();

  readonly #unfreeze = (): void => this.#database.clock.unfreeze();

  readonly #decode: Decode = (tag, bytes, start, end) => this.#codec.decode(tag, bytes, start, end);

  readonly #keep = (tag: number, bytes: Buffer, start: number, end: number): string =>
    this.#codec.keep(tag, bytes, start, end);
}

/** Copies bytes: the program may change its own before a read is repeated. */
function kept(key: Key): Key {
  return typeof key === "string" ? key : new Uint8Array(key);
}
