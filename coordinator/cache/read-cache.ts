import type { ByteString } from "../../shared/bytes.js";
import type { Key } from "../keys.js";
import { type PlainForm, type PlainValue, plainOf } from "./plain-value.js";
import { type Cacheable, type Lender, SecondChanceCache } from "./second-chance-cache.js";

/** Of these, a key that is a string and its name are the same. */
const asciiOnly = /^[\0-\x7f]*$/;
/** An entry of the cache's table, a string for the key and one for the value, and the object that holds them. */
const overheadBytes = 176;
/**
 * What an entry counts as at least. V8 visits each of its objects when it collects, now and then while everything waits: a cache
 * full of small values would be twice as many of them.
 */
const leastEntryBytes = 640;
/** A string with anything but ASCII in it may take two bytes for each unit. */
const twoByteUnits = 2;
/** The version of an entry that has left the cache. */
const gone = 0;

/** A value as it is kept where it is not plain: as `ValueCodec.keep` gives it. */
export interface KeptText {
  tag: number;
  text: string;
  /** How long the value is as it is stored. */
  bytes: number;
  /** 0: never. */
  expiresAt: number;
}

/**
 * What is known of a key: its value, that there is none, or nothing yet, while calls are under way that will tell. Entries
 * change: whoever is given one looks at it at once.
 */
export class CacheEntry implements Cacheable {
  /** The key's, see `ReadCache.nameOf`. */
  readonly name: ByteString;
  readonly hasAsciiName: boolean;
  /** "text": the value is to be decoded from `text`; "flat" and "tree": it is `plain`, to be copied. */
  form: "unknown" | "missing" | "text" | PlainForm = "unknown";
  tag = 0;
  text = "";
  plain: unknown = undefined;
  /** 0: never. */
  expiresAt = 0;
  /** How many bytes a unit of the text takes. */
  unitBytes = 1;
  /** Another one after each write of the key, and none any more where the entry has left the cache. */
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

  /** Each of these gives how many bytes the entry takes from now on. */
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
 * What a call that is under way may tell of a key. A write of the key in the meantime gives the entry another version, and
 * then the call tells nothing any more.
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
 * Values of keys that were read, in the coordinator: a hot key costs no round trip. The coordinator sees
 * every write, so the cache is exactly coherent: from its call on a write makes its key's entry unknown, and voids the
 * tickets of reads of it that are under way. While a key has writes on the way its reads go to the shard, behind them. A
 * write of a key that was cached puts the new value in when it is acknowledged.
 */
export class ReadCache {
  readonly #values: SecondChanceCache<CacheEntry> | undefined;
  #lastVersion = gone;
  /** Entries with no later version than this are gone. */
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
   * The cache's name for a key: the latin1 string of its bytes, so that a string and the bytes of its UTF-8 form have
   * one name. An ASCII string is its own.
   */
  nameOf(key: Key, bytes: Buffer, length: number): string {
    return typeof key === "string" && key.length === length ? key : bytes.latin1Slice(0, length);
  }

  /** The entry of a name, known or not. `now`: asked for the time, in ms, only where a value may have expired. */
  get(name: string, now: () => number): CacheEntry | undefined {
    const found = this.#values?.get(name);
    if (found?.isKnown) {
      this.#hit(found, now);
    } else {
      this.misses += 1;
    }
    return found;
  }

  /** Only where the key is known. Spares a key that is cached its encoding. */
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

  /** `value`: what the text in the entry is decoded. Where it is plain, it takes the text's place. */
  noteDecoded(entry: CacheEntry, text: string, value: unknown): void {
    const { tag, expiresAt, unitBytes } = entry;
    if (entry.form === "text" && entry.text === text && this.#isIn(entry)) {
      const plain = plainOf(tag, value, unitBytes);
      if (plain !== undefined) {
        this.#values!.resize(entry, entry.setPlain(plain, tag, expiresAt));
      }
    }
  }

  /** For a read of a key that is not known. `entry`: what is there of it. `ownName`: gives a string that nobody else has. */
  ticket(entry: CacheEntry | undefined, ownName: () => ByteString): FillTicket {
    if (entry !== undefined) {
      return new FillTicket(entry);
    }
    const added = new CacheEntry(ownName(), this.#nextVersion());
    this.#values!.add(added.name, added);
    return new FillTicket(added);
  }

  /** Whether what the call brings is wanted: the key was not written since, and nobody else has told of it. */
  wants({ entry, version }: FillTicket): boolean {
    return entry.version === version && !entry.isKnown && this.#isIn(entry);
  }

  /** These are for a ticket that is wanted. */
  fillText({ entry }: FillTicket, text: KeptText): void {
    this.#resize(entry, entry.setText(text));
  }

  fillPlain({ entry }: FillTicket, plain: PlainValue, tag: number, expiresAt: number): void {
    this.#resize(entry, entry.setPlain(plain, tag, expiresAt));
  }

  fillMissing({ entry }: FillTicket): void {
    this.#resize(entry, entry.setEmpty("missing"));
  }

  /** Nothing is known of the key; also for a call that has failed. */
  forget({ entry }: FillTicket): void {
    this.#remove(entry);
  }

  /**
   * At the call of a write of a key. `isPut`: its value is to be put in when it is acknowledged, where the key was cached or
   * is being read: then there is a ticket for it.
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

  /** At the call of a write to many keys: a range delete or a bulk load. */
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
