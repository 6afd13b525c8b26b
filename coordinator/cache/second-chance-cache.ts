import { makeParts, partOf } from "./map-parts.js";

/** An item of a `SecondChanceCache`. */
export interface Cacheable {
  /** Memory including its key and all overhead. While it is in the cache, only `resize` changes this. */
  sizeBytes: number;
  /** Read since it was added, or since the hand passed it. Managed by the cache. */
  wasUsed: boolean;
}

/** A cache whose unused capacity another cache may use until it is needed again. */
export interface Lender {
  readonly capacityBytes: number;
  readonly unusedBytes: number;
  /** Called when it uses more than before. */
  onGrown: (() => void) | undefined;
}

/** After this many additions the hand moves by one entry, even if there is room. */
const setsPerStep = 1024;

/**
 * A byte-bounded cache that evicts what was not read for long. A hand circles over the entries: it removes those not
 * used since its last pass, and gives the others a second chance. A hit costs only a lookup, whereas an exact order of
 * use would move the entry each time.
 */
export class SecondChanceCache<Value extends Cacheable> implements Lender {
  readonly capacityBytes: number;
  readonly #onEvicted: ((value: Value) => void) | undefined;
  readonly #lender: Lender | undefined;
  onGrown: (() => void) | undefined;
  readonly #parts = makeParts<Value>();
  /** The part in which the hand is, and its position there. */
  #handPart = 0;
  #hand = this.#parts[0]!.entries();
  #bytes = 0;
  #sets = 0;

  /**
   * `onEvicted` is called for evicted values, not for deleted ones. `lender`: a cache whose unused capacity may be used
   * here.
   */
  constructor(capacityBytes: number, onEvicted?: (value: Value) => void, lender?: Lender) {
    this.capacityBytes = capacityBytes;
    this.#onEvicted = onEvicted;
    this.#lender = lender;
    if (lender !== undefined) {
      lender.onGrown = () => this.#fit();
    }
  }

  /** What it may use now, including what it may borrow. */
  get limitBytes(): number {
    return this.capacityBytes + (this.#lender?.unusedBytes ?? 0);
  }

  get unusedBytes(): number {
    return this.capacityBytes - this.#bytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#parts.reduce((sum, part) => sum + part.size, 0);
  }

  get(key: string): Value | undefined {
    const value = partOf(this.#parts, key).get(key);
    if (value !== undefined) {
      value.wasUsed = true;
    }
    return value;
  }

  /** Like `get`, but does not mark the entry as used. */
  peek(key: string): Value | undefined {
    return partOf(this.#parts, key).get(key);
  }

  /** Sets a value. A value larger than the whole cache is not kept. */
  set(key: string, value: Value): void {
    this.delete(key);
    this.add(key, value);
  }

  /** Like `set`, for a key that is not in the cache. */
  add(key: string, value: Value): void {
    if (value.sizeBytes > this.capacityBytes) {
      return;
    }
    this.#sets += 1;
    if (this.#sets % setsPerStep === 0) {
      // An iterator that does not move keeps alive every table that its Map has had since.
      this.#step();
    }
    this.#grow(value.sizeBytes);
    partOf(this.#parts, key).set(key, value);
  }

  /** Changes the size of a value. This may evict other values, or this one. */
  resize(value: Value, sizeBytes: number): void {
    const more = sizeBytes - value.sizeBytes;
    value.sizeBytes = sizeBytes;
    this.#grow(more);
  }

  /** Returns true if the key was in the cache. */
  delete(key: string): boolean {
    const part = partOf(this.#parts, key);
    const value = part.get(key);
    if (value === undefined) {
      return false;
    }
    part.delete(key);
    this.#bytes -= value.sizeBytes;
    return true;
  }

  clear(): void {
    for (const part of this.#parts) {
      part.clear();
    }
    this.#hand = this.#parts[this.#handPart]!.entries();
    this.#bytes = 0;
  }

  #grow(bytes: number): void {
    this.#bytes += bytes;
    this.#fit();
    this.onGrown?.();
  }

  #fit(): void {
    while (this.#bytes > this.limitBytes) {
      this.#passOne();
    }
  }

  /** Moves the hand. Returns undefined at the end of a part; the hand is then at the start of the next one. */
  #step(): [string, Value] | undefined {
    const { done, value: entry } = this.#hand.next();
    if (done) {
      this.#handPart = (this.#handPart + 1) % this.#parts.length;
      this.#hand = this.#parts[this.#handPart]!.entries();
      return undefined;
    }
    return entry;
  }

  #passOne(): void {
    const entry = this.#step();
    if (entry === undefined) {
      return;
    }
    const [key, value] = entry;
    if (value.wasUsed) {
      value.wasUsed = false;
    } else {
      this.#parts[this.#handPart]!.delete(key);
      this.#bytes -= value.sizeBytes;
      this.#onEvicted?.(value);
    }
  }
}
