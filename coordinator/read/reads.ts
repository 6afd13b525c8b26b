/** The kinds of point reads: of one key, and of several keys as of one moment. */

import type { FastKVError } from "../../shared/errors.js";
import type { ReadPoint } from "../../shared/read-point.js";
import type { CacheFill } from "../cache/cache-fill.js";
import type { CacheEntry } from "../cache/read-cache.js";
import type { Key } from "../calls/keys.js";
import { asReadError, withContext } from "../calls/refusals.js";
import type { FoundValue } from "../encoding/value-reader.js";
import type { Decode } from "../encoding/value-runs.js";
import type { PendingRead } from "../shards/pending.js";

/** A `get`: yields a value, or undefined. */
export class ValueRead implements PendingRead {
  readonly withValue = true;
  inFlightBytes = 0;
  readonly key: Key;
  readonly snapshot: ReadPoint | undefined;
  readonly #decode: Decode;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: unknown) => void;
  readonly #fill: CacheFill | undefined;

  constructor(
    key: Key,
    snapshot: ReadPoint | undefined,
    decode: Decode,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
    fill: CacheFill | undefined,
  ) {
    this.key = key;
    this.snapshot = snapshot;
    this.#decode = decode;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#fill = fill;
  }

  onMissing(): void {
    this.#fill?.missing();
    this.#resolve(undefined);
  }

  onFound(found: FoundValue): void {
    let value: unknown;
    try {
      value = found.value(this.#decode);
    } catch (error) {
      this.#fill?.failed();
      this.#reject(error);
      return;
    }
    this.#fill?.found(found, value);
    this.#resolve(value);
  }

  onError(error: FastKVError): void {
    this.#fill?.failed();
    this.#reject(error);
  }

  onRestart(): boolean {
    return true;
  }
}

/** For `has` and `ttl`: yields when the value expires (0: never), or -1 if there is none. */
export class ExpiryRead implements PendingRead {
  readonly withValue = false;
  inFlightBytes = 0;
  readonly key: Key;
  readonly snapshot: ReadPoint | undefined;
  readonly #resolve: (expiresAt: number) => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    key: Key,
    snapshot: ReadPoint | undefined,
    resolve: (expiresAt: number) => void,
    reject: (error: unknown) => void,
  ) {
    this.key = key;
    this.snapshot = snapshot;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onMissing(): void {
    this.#resolve(-1);
  }

  onFound(found: FoundValue): void {
    this.#resolve(found.expiresAt);
  }

  onError(error: FastKVError): void {
    this.#reject(error);
  }

  onRestart(): boolean {
    return true;
  }
}

/** What a read of several keys needs from the database. */
export interface ManySource {
  /** Fixes the time that decides what has expired, until the requests are sent. */
  begin(): void;
  /** Called when everything has been requested. */
  end(): void;
  /**
   * Returns the read cache's entry of a key that it knows. Otherwise calls `toRead` and sends that read to the key's
   * shard. Throws if the key is invalid or the shard accepts nothing.
   */
  ask(key: Key, toRead: (fill: CacheFill | undefined) => PendingRead): CacheEntry | undefined;
  decode: Decode;
  /** The value of an entry that is known and not missing. Must be read at once. */
  valueOf(known: CacheEntry): unknown;
  /** For an answer entirely from memory: delayed if this turn of the event loop has already done much. */
  soon(values: unknown[]): Promise<unknown[]>;
}

/**
 * For `getMany` and `hasMany`: all keys as of one moment. The parts are sent to the shards in one turn, so the order of
 * frames makes them a consistent cut; entries from the read cache are of the same moment. If a shard dies before it
 * answers, all keys are looked up again together.
 */
export class ManyRead {
  readonly #keys: readonly Key[];
  readonly #snapshot: ReadPoint | undefined;
  /** If false, the result is `true` for each key that has a value. */
  readonly #withValues: boolean;
  readonly #source: ManySource;
  readonly #resolve: (values: unknown[] | Promise<unknown[]>) => void;
  readonly #reject: (error: unknown) => void;
  #values: unknown[] = [];
  #left = 0;
  #round = 0;
  #isOver = false;
  #isRepeating = false;

  /** The keys are not copied, and must not change. */
  constructor(
    keys: readonly Key[],
    snapshot: ReadPoint | undefined,
    withValues: boolean,
    source: ManySource,
    resolve: (values: unknown[] | Promise<unknown[]>) => void,
    reject: (error: unknown) => void,
  ) {
    this.#keys = keys;
    this.#snapshot = snapshot;
    this.#withValues = withValues;
    this.#source = source;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(): void {
    this.#round += 1;
    this.#source.begin();
    try {
      this.#lookUp();
    } catch (error) {
      // The answers to parts already sent are ignored.
      this.fail(this.#round, error);
    } finally {
      this.#source.end();
    }
  }

  #lookUp(): void {
    this.#values = new Array<unknown>(this.#keys.length).fill(undefined);
    this.#left = this.#keys.length;
    for (let place = 0; place < this.#keys.length; place++) {
      const known = this.#ask(place);
      if (known !== undefined) {
        this.#left -= 1;
        if (!known.isMissing) {
          this.#values[place] = this.#withValues ? this.#source.valueOf(known) : true;
        }
      }
    }
    if (this.#left === 0) {
      this.#isOver = true;
      this.#resolve(this.#source.soon(this.#values));
    }
  }

  #ask(place: number): CacheEntry | undefined {
    const key = this.#keys[place]!;
    const toRead = (fill: CacheFill | undefined): PendingRead =>
      new PartRead(this, this.#round, place, key, this.#snapshot, this.#withValues, fill);
    try {
      return this.#source.ask(key, toRead);
    } catch (error) {
      throw withContext(
        `Key ${place + 1} of ${this.#withValues ? "getMany" : "hasMany"}`,
        asReadError(error),
      );
    }
  }

  answer(round: number, place: number, found: FoundValue, fill: CacheFill | undefined): void {
    if (round !== this.#round || this.#isOver) {
      fill?.failed();
      return;
    }
    try {
      const value = this.#withValues ? found.value(this.#source.decode) : true;
      this.#values[place] = value;
      fill?.found(found, value);
    } catch (error) {
      fill?.failed();
      this.fail(round, error);
      return;
    }
    this.countDown(round);
  }

  countDown(round: number): void {
    if (round !== this.#round || this.#isOver) {
      return;
    }
    this.#left -= 1;
    if (this.#left === 0) {
      this.#isOver = true;
      this.#resolve(this.#values);
    }
  }

  fail(round: number, error: unknown): void {
    if (round === this.#round && !this.#isOver) {
      this.#isOver = true;
      this.#reject(error);
    }
  }

  /** Starts again, because a part was lost with its shard. */
  repeat(round: number): void {
    if (round !== this.#round || this.#isOver || this.#isRepeating) {
      return;
    }
    this.#isRepeating = true;
    this.#round += 1;
    // The restarted shard is still sending its queue: the new round goes after it.
    process.nextTick(() => {
      this.#isRepeating = false;
      this.start();
    });
  }
}

class PartRead implements PendingRead {
  readonly withValue: boolean;
  inFlightBytes = 0;
  readonly key: Key;
  readonly snapshot: ReadPoint | undefined;
  readonly #whole: ManyRead;
  readonly #round: number;
  readonly #place: number;
  readonly #fill: CacheFill | undefined;

  constructor(
    whole: ManyRead,
    round: number,
    place: number,
    key: Key,
    snapshot: ReadPoint | undefined,
    withValue: boolean,
    fill: CacheFill | undefined,
  ) {
    this.withValue = withValue;
    this.key = key;
    this.snapshot = snapshot;
    this.#whole = whole;
    this.#round = round;
    this.#place = place;
    this.#fill = fill;
  }

  onMissing(): void {
    this.#fill?.missing();
    this.#whole.countDown(this.#round);
  }

  onFound(found: FoundValue): void {
    this.#whole.answer(this.#round, this.#place, found, this.#fill);
  }

  onError(error: FastKVError): void {
    this.#fill?.failed();
    this.#whole.fail(this.#round, error);
  }

  onRestart(): boolean {
    if (this.snapshot !== undefined) {
      return true;
    }
    this.#fill?.failed();
    this.#whole.repeat(this.#round);
    return false;
  }
}
