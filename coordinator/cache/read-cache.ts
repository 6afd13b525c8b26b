import type { ByteString } from "../../shared/bytes.js";
import type { Key } from "../calls/keys.js";
import { type PlainForm, type PlainValue, plainOf } from "./plain-value.js";
import { type Cacheable, type Lender, SecondChanceCache } from "./second-chance-cache.js";

/** A string key of this form equals its cache name. */
const asciiOnly = /^[\0-\x7f]*$/;
/** An entry in the cache's table, a string for the key and one for the value, and the object that holds them. */
const overheadBytes = 176;
/**
 * Minimum size that an entry counts as. V8 visits all objects when it collects garbage, sometimes while everything
 * waits: without a minimum, a cache full of small values would have twice as many.
 */
const leastEntryBytes = 640;
/** A string with non-ASCII characters may take two bytes per unit. */
const twoByteUnits = 2;
/** The version of an entry that is no longer in the cache. */
const gone = 0;

/** A value in the form in which non-plain values are kept, as made by `ValueCodec.keep`. */
export interface KeptText {
  tag: number;
  text: string;
  /** Length of the value in its stored form. */
  bytes: number;
  /** 0 means never. */
  expiresAt: number;
}

/**
 * What is known of a key: its value, that it has none, or nothing yet while pending calls will bring it. Entries
 * change, so use one immediately.
 */
export class CacheEntry implements Cacheable {
  /** The key's name; see `ReadCache.nameOf`. */
  readonly name: ByteString;
  readonly hasAsciiName: boolean;
  /** With "text" the value is decoded from `text`; with "flat" and "tree" it is a copy of `plain`. */
  form: "unknown" | "missing" | "text" | PlainForm = "unknown";
  tag = 0;
  text = "";
  plain: unknown = undefined;
  /** 0 means never. */
  expiresAt = 0;
  /** Bytes per unit of the text. */
  unitBytes = 1;
  /** Changes with each write of the key, and becomes `gone` when the entry leaves the cache. */
  version: number;
  sizeBytes: number;
  wasUsed = false;

  constructor(name: ByteString, version: number) {
    this.name = name;
    this.hasAsciiName = asciiOnly.test(name);
    this.version = version;
    this.sizeBytes = this.#bytesWith(0);
  }

  get isKnown(): boolean {
    return this.form !== "unknown";
  }

  get isMissing(): boolean {
    return this.form === "missing";
  }

  /** Each of these setters returns the new size of the entry in bytes. */
  setText({ tag, text, bytes, expiresAt }: KeptText): number {
    this.form = "text";
    this.tag = tag;
    this.text = text;
    this.plain = undefined;
    this.expiresAt = expiresAt;
    this.unitBytes = text.length === bytes ? 1 : twoByteUnits;
    return this.#bytesWith(text.length * this.unitBytes);
  }

  setPlain({ value, form, bytes }: PlainValue, tag: number, expiresAt: number): number {
    this.form = form;
    this.tag = tag;
    this.text = "";
    this.plain = value;
    this.expiresAt = expiresAt;
    return this.#bytesWith(bytes);
  }

  setEmpty(form: "unknown" | "missing"): number {
    this.form = form;
    this.text = "";
    this.plain = undefined;
    this.expiresAt = 0;
    return this.#bytesWith(0);
  }

  #bytesWith(valueBytes: number): number {
    return Math.max(leastEntryBytes, overheadBytes + this.name.length + valueBytes);
  }
}

/**
 * Lets a pending call fill the entry of a key. A write of the key meanwhile changes the entry's version, and the ticket
 * becomes void.
 */
export class FillTicket {
  readonly entry: CacheEntry;
  readonly version: number;

  constructor(entry: CacheEntry) {
    this.entry = entry;
    this.version = entry.version;
  }
}

/**
 * A cache of values in the coordinator, so that reads of hot keys need no round trip. It is exactly coherent because
 * the coordinator sees every write: from its call on, a write makes the entry of its key unknown and voids the tickets
 * of pending reads of that key. While writes of a key are in flight, reads of it go to the shard, after these writes.
 * When the write of a cached key is acknowledged, it puts the new value into the cache.
 */
export class ReadCache {
  readonly #values: SecondChanceCache<CacheEntry> | undefined;
  #lastVersion = gone;
  /** Entries up to this version are gone. */
  #clearedVersion = gone;
  hits = 0;
  misses = 0;

  constructor(capacityBytes: number) {
    this.#values =
      capacityBytes === 0
        ? undefined
        : new SecondChanceCache<CacheEntry>(capacityBytes, (entry) => {
            entry.version = gone;
          });
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

  get lender(): Lender | undefined {
    return this.#values;
  }

  /**
   * Returns the cache's name for a key: the latin1 string of its bytes, so that a string and its UTF-8 bytes have the
   * same name. The name of an ASCII string is the string itself.
   */
  nameOf(key: Key, bytes: Buffer, length: number): string {
    return typeof key === "string" && key.length === length ? key : bytes.latin1Slice(0, length);
  }

  /**
   * Returns the entry of a name, known or not. `now` returns the time in ms; it is called only if a value may have
   * expired.
   */
  get(name: string, now: () => number): CacheEntry | undefined {
    const found = this.#values?.get(name);
    if (found?.isKnown) {
      this.#hit(found, now);
    } else {
      this.misses += 1;
    }
    return found;
  }

  /** Returns the entry only if the key is known. Avoids encoding a cached key. */
  getByKey(key: Key, now: () => number): CacheEntry | undefined {
    const found = typeof key === "string" ? this.#values?.get(key) : undefined;
    if (found?.hasAsciiName && found.isKnown) {
      this.#hit(found, now);
      return found;
    }
    return undefined;
  }

  #hit(found: CacheEntry, now: () => number): void {
    this.hits += 1;
    if (found.expiresAt !== 0 && found.expiresAt <= now()) {
      this.#values!.resize(found, found.setEmpty("missing"));
    }
  }

  /** Replaces the entry's text by its decoded `value`, if that is plain. */
  noteDecoded(entry: CacheEntry, text: string, value: unknown): void {
    const { tag, expiresAt, unitBytes } = entry;
    if (entry.form === "text" && entry.text === text && this.#isIn(entry)) {
      const plain = plainOf(tag, value, unitBytes);
      if (plain !== undefined) {
        this.#values!.resize(entry, entry.setPlain(plain, tag, expiresAt));
      }
    }
  }

  /**
   * Returns a ticket for a read of an unknown key. `entry`: its entry, if there is one. `ownName` returns a string that
   * nobody else holds.
   */
  ticket(entry: CacheEntry | undefined, ownName: () => ByteString): FillTicket {
    if (entry !== undefined) {
      return new FillTicket(entry);
    }
    const added = new CacheEntry(ownName(), this.#nextVersion());
    this.#values!.add(added.name, added);
    return new FillTicket(added);
  }

  /**
   * Whether the result of the call is needed: the key was not written since, and no other call has filled the entry.
   */
  wants({ entry, version }: FillTicket): boolean {
    return entry.version === version && !entry.isKnown && this.#isIn(entry);
  }

  /** These require a ticket for which `wants` is true. */
  fillText({ entry }: FillTicket, text: KeptText): void {
    this.#resize(entry, entry.setText(text));
  }

  fillPlain({ entry }: FillTicket, plain: PlainValue, tag: number, expiresAt: number): void {
    this.#resize(entry, entry.setPlain(plain, tag, expiresAt));
  }

  fillMissing({ entry }: FillTicket): void {
    this.#resize(entry, entry.setEmpty("missing"));
  }

  /** Makes the key unknown. Also used when a call failed. */
  forget({ entry }: FillTicket): void {
    this.#remove(entry);
  }

  /**
   * Called when a write of a key is called. `isPut` means that its value is cached when it is acknowledged; if the key
   * is cached or being read, returns a ticket for that.
   */
  invalidate(name: string, isPut: boolean): FillTicket | undefined {
    const entry = this.#values?.peek(name);
    if (entry === undefined) {
      return undefined;
    }
    if (!isPut) {
      this.#remove(entry);
      return undefined;
    }
    entry.version = this.#nextVersion();
    this.#resize(entry, entry.setEmpty("unknown"));
    return new FillTicket(entry);
  }

  /** Called when a write to many keys is called: a range delete or a bulk load. */
  clear(): void {
    this.#values?.clear();
    this.#clearedVersion = this.#lastVersion;
  }

  #nextVersion(): number {
    this.#lastVersion += 1;
    return this.#lastVersion;
  }

  #isIn(entry: CacheEntry): boolean {
    return entry.version > this.#clearedVersion;
  }

  #resize(entry: CacheEntry, sizeBytes: number): void {
    if (sizeBytes > this.capacityBytes) {
      this.#remove(entry);
    } else {
      this.#values!.resize(entry, sizeBytes);
    }
  }

  #remove(entry: CacheEntry): void {
    entry.version = gone;
    this.#values!.delete(entry.name);
  }
}
