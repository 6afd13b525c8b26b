/** The kinds of point reads: of one key, and of several keys at one moment. */

import type { FastKVError } from "../shared/errors.js";
import type { CacheFill } from "./cache/cache-fill.js";
import type { CacheEntry } from "./cache/read-cache.js";
import type { Key } from "./keys.js";
import { ofRead, refusedOf } from "./refusals.js";
import type { PendingRead } from "./shards/pending.js";
import type { FoundValue } from "./value-reader.js";
import type { Decode } from "./value-runs.js";

interface Point {
  sequence: number;
  timeMs: number;
}

/** `get`: a value, or undefined. */
export class ValueRead implements PendingRead {
  readonly withValue = true;
  inFlightBytes = 0;
  readonly key: Key;
  readonly snapshot: Point | undefined;
  readonly #decode: Decode;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: unknown) => void;
  readonly #fill: CacheFill | undefined;

  constructor(
    key: Key,
    snapshot: Point | undefined,
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

/** `has` and `ttl`: whether there is a value, and when it expires (0: never); -1 for none. */
export class ExpiryRead implements PendingRead {
  readonly withValue = false;
  inFlightBytes = 0;
  readonly key: Key;
  readonly snapshot: Point | undefined;
  readonly #resolve: (expiresAt: number) => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    key: Key,
    snapshot: Point | undefined,
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

/** What a read of several keys needs of the database. */
export interface ManySource {
  /** From now on, until what was asked for is sent, this moment says what has expired. */
  begin(): void;
  /** All is asked for. */
  end(): void;
  /**
   * What the read cache has of a key that it knows. Where it knows nothing, `toRead` is called and its read is handed to the shard of
   * the key. Throws where the key is unfit or the shard takes nothing.
   */
  ask(key: Key, toRead: (fill: CacheFill | undefined) => PendingRead): CacheEntry | undefined;
  decode: Decode;
  /** The value of what the cache knows, which is not missing. Asked for at once. */
  valueOf(known: CacheEntry): unknown;
  /** For what is answered from memory alone: later, where much else was in this turn of the event loop. */
  soon(values: unknown[]): Promise<unknown[]>;
}

/**
 * `getMany` and `hasMany`: all keys as of one moment. The parts go to the shards in one turn, so the order of frames makes them a
 * consistent cut; what the read cache has is of that moment as well. Where a shard dies before it answered, everything is
 * looked up again, together.
 */
export class ManyRead {
  readonly #keys: readonly Key[];
  readonly #snapshot: Point | undefined;
  /** False: what is given is `true` for each key that has a value. */
  readonly #withValues: boolean;
  readonly #source: ManySource;
  readonly #resolve: (values: unknown[] | Promise<unknown[]>) => void;
  readonly #reject: (error: unknown) => void;
  #values: unknown[] = [];
  #left = 0;
  #round = 0;
  #isOver = false;
  #isRepeating = false;

  /** The keys are kept: they must not change. */
  constructor(
    keys: readonly Key[],
    snapshot: Point | undefined,
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
      // Parts that were sent already are answered to nobody.
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
      throw refusedOf(`Key ${place + 1} of ${this.#withValues ? "getMany" : "hasMany"}`, ofRead(error));
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

  /** One of the parts was lost with its shard. */
  repeat(round: number): void {
    if (round !== this.#round || this.#isOver || this.#isRepeating) {
      return;
    }
    this.#isRepeating = true;
    this.#round += 1;
    // The shard that has just come back is in the middle of its queue: the new round goes behind it.
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
  readonly snapshot: Point | undefined;
  readonly #whole: ManyRead;
  readonly #round: number;
  readonly #place: number;
  readonly #fill: CacheFill | undefined;

  constructor(
    whole: ManyRead,
    round: number,
    place: number,
    key: Key,
    snapshot: Point | undefined,
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
