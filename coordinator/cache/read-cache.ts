import type { Key } from "../keys.js";
import { type PlainForm, type PlainValue, plainOf } from "./plain-value.js";
import { type Cacheable, SecondChanceCache } from "./second-chance-cache.js";

/** Of these, a key that is a string and its name are the same. */
const asciiOnly = /^[\0-\x7f]*$/;
/** An entry of the cache's table, a string for the key and one for the value, and the object that holds them. */
const overheadBytes = 160;

/** What is known of a key: its value, or that there is none. */
export class CachedValue implements Cacheable {
  readonly name: string;
  readonly hasAsciiName: boolean;
  /** "text": the value is to be decoded from `text`; else it is `plain`, to be copied. */
  readonly form: "missing" | "text" | PlainForm;
  readonly tag: number;
  /** As `ValueCodec.keep` gives it. */
  readonly text: string;
  readonly plain: unknown;
  /** 0: never. */
  readonly expiresAt: number;
  readonly sizeBytes: number;
  wasUsed = false;

  private constructor(name: string, { form, tag, text, plain, expiresAt, valueBytes }: ValueParts) {
    this.name = name;
    this.hasAsciiName = asciiOnly.test(name);
    this.form = form;
    this.tag = tag;
    this.text = text;
    this.plain = plain;
    this.expiresAt = expiresAt;
    this.sizeBytes = overheadBytes + name.length + valueBytes;
  }

  /** `bytes`: how long the value is as it is stored. */
  static text(name: string, tag: number, text: string, bytes: number, expiresAt: number): CachedValue {
    const valueBytes = text.length * (text.length === bytes ? 1 : twoByteUnits);
    return new CachedValue(name, { ...nothing, form: "text", tag, text, expiresAt, valueBytes });
  }

  static plain(
    name: string,
    tag: number,
    { value, form, bytes }: PlainValue,
    expiresAt: number,
  ): CachedValue {
    return new CachedValue(name, { ...nothing, form, tag, plain: value, expiresAt, valueBytes: bytes });
  }

  static missing(name: string): CachedValue {
    return new CachedValue(name, nothing);
  }

  get isMissing(): boolean {
    return this.form === "missing";
  }

  /** How many bytes a unit of the text takes. */
  get unitBytes(): number {
    return this.sizeBytes === overheadBytes + this.name.length + this.text.length ? 1 : twoByteUnits;
  }
}

/** A string with anything but ASCII in it may take two bytes for each unit. */
const twoByteUnits = 2;

interface ValueParts {
  form: CachedValue["form"];
  tag: number;
  text: string;
  plain: unknown;
  expiresAt: number;
  valueBytes: number;
}

const nothing: ValueParts = {
  form: "missing",
  tag: 0,
  text: "",
  plain: undefined,
  expiresAt: 0,
  valueBytes: 0,
};

/** For putting into the cache what reads and writes of a key bring, unless it is written in the meantime. */
export interface FillTicket {
  isValid: boolean;
  /** The calls under way that share it. */
  calls: number;
  /** One of them is a write, which is to put its value in the place of the one before. */
  isRefill: boolean;
}

/**
 * Values of keys that were read, in the coordinator: a hot key costs no round trip. The coordinator sees
 * every write, so the cache is exactly coherent: a write takes its key out at the call, and voids the tickets of
 * reads of it that are under way. While a key has writes on the way its reads go to the shard, behind them. A write
 * of a key that was cached puts the new value in when it is acknowledged.
 */
export class ReadCache {
  readonly #values: SecondChanceCache<CachedValue> | undefined;
  /** Tickets of calls under way, by key. */
  readonly #tickets = new Map<string, FillTicket>();
  hits = 0;
  misses = 0;

  constructor(capacityBytes: number) {
    this.#values = capacityBytes === 0 ? undefined : new SecondChanceCache<CachedValue>(capacityBytes);
  }

  get isEnabled(): boolean {
    return this.#values !== undefined;
  }

  get bytes(): number {
    return this.#values?.bytes ?? 0;
  }

  get capacityBytes(): number {
    return this.#values?.capacityBytes ?? 0;
  }

  /**
   * The cache's name for a key: the latin1 string of its bytes, so that a string and the bytes of its UTF-8 form have
   * one name. An ASCII string is its own.
   */
  nameOf(key: Key, bytes: Buffer, length: number): string {
    return typeof key === "string" && key.length === length ? key : bytes.latin1Slice(0, length);
  }

  /** `now`: asked for the time, in ms, only where a value may have expired. */
  get(name: string, now: () => number): CachedValue | undefined {
    const found = this.#values?.get(name);
    if (found === undefined) {
      this.misses += 1;
      return undefined;
    }
    return this.#hit(found, now);
  }

  /** Spares a key that is cached its encoding. Undefined where that is what tells the key's name: ask `get` then. */
  getByKey(key: Key, now: () => number): CachedValue | undefined {
    const found = typeof key === "string" ? this.#values?.get(key) : undefined;
    return found?.hasAsciiName ? this.#hit(found, now) : undefined;
  }

  #hit(found: CachedValue, now: () => number): CachedValue {
    this.hits += 1;
    return found.expiresAt !== 0 && found.expiresAt <= now() ? CachedValue.missing(found.name) : found;
  }

  /** The value that a text in the cache stands for has been decoded: where it is plain, it takes the text's place. */
  noteDecoded(cached: CachedValue, value: unknown): void {
    const { name, tag, expiresAt, unitBytes } = cached;
    const plain = plainOf(tag, value, unitBytes);
    if (plain !== undefined && this.#values?.get(name) === cached) {
      this.#values.set(name, CachedValue.plain(name, tag, plain, expiresAt));
    }
  }

  /** For a read that is about to go to the shard. */
  ticket(name: string): FillTicket | undefined {
    if (this.#values === undefined) {
      return undefined;
    }
    let ticket = this.#tickets.get(name);
    if (ticket === undefined) {
      ticket = { isValid: true, calls: 0, isRefill: false };
      this.#tickets.set(name, ticket);
    }
    ticket.calls += 1;
    return ticket;
  }

  /** For a put that is about to go to the shard, where `invalidate` has answered true. */
  refillTicket(name: string): FillTicket {
    const ticket = this.ticket(name)!;
    ticket.isRefill = true;
    return ticket;
  }

  /** The call is over; what it brought is kept if nothing was written since. */
  fill(name: string, ticket: FillTicket, value: CachedValue | undefined): void {
    ticket.calls -= 1;
    if (ticket.calls === 0 && this.#tickets.get(name) === ticket) {
      this.#tickets.delete(name);
    }
    if (ticket.isValid && value !== undefined) {
      this.#values?.set(name, value);
    }
  }

  /** At the call of a write; true where the key was cached, or would be as soon as an earlier write is acknowledged. */
  invalidate(name: string): boolean {
    if (this.#values === undefined) {
      return false;
    }
    const wasCached = this.#values.delete(name);
    const ticket = this.#tickets.size === 0 ? undefined : this.#tickets.get(name);
    if (ticket === undefined) {
      return wasCached;
    }
    ticket.isValid = false;
    this.#tickets.delete(name);
    return wasCached || ticket.isRefill;
  }

  /** At the call of a write to many keys: a range delete or a bulk load. */
  clear(): void {
    this.#values?.clear();
    for (const ticket of this.#tickets.values()) {
      ticket.isValid = false;
    }
    this.#tickets.clear();
  }
}
