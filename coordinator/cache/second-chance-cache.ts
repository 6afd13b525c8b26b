import { makeParts, partOf } from "../../shared/map-parts.js";

/** What is kept in a `SecondChanceCache`. */
export interface Cacheable {
  /** What it takes in memory, its key and all that holds it included. Only `resize` changes it while it is in. */
  sizeBytes: number;
  /** Read since it was put in, or since the hand passed it. The cache's own. */
  wasUsed: boolean;
}

/** A cache of which another one may take what it leaves unused, and gives it back when it is told to. */
export interface Lender {
  readonly capacityBytes: number;
  readonly unusedBytes: number;
  /** Called when it uses more than before. */
  onGrown: (() => void) | undefined;
}

/** The hand goes on by one entry after so many that were put in, whether there is room or not. */
const setsPerStep = 1024;

/**
 * A cache bounded by bytes that lets go what was not read for long: a hand goes round the entries, takes out those that
 * were not used since it last passed, and gives the others a second chance. A hit costs no more than a look-up, where
 * keeping the exact order of use would move the entry each time.
 */
export class SecondChanceCache<Value extends Cacheable> implements Lender {
  readonly capacityBytes: number;
  readonly #onEvicted: ((value: Value) => void) | undefined;
  readonly #lender: Lender | undefined;
  onGrown: (() => void) | undefined;
  readonly #parts = makeParts<Value>();
  /** The part that the hand is in, and where. */
  #handPart = 0;
  #hand = this.#parts[0]!.entries();
  #bytes = 0;
  #sets = 0;

  /**
   * `onEvicted`: told of what had to make room, not of what is deleted. `lender`: what it leaves unused
   * may be used here.
   */
  constructor(capacityBytes: number, onEvicted?: (value: Value) => void, lender?: Lender) {
    this.capacityBytes = capacityBytes;
    this.#onEvicted = onEvicted;
    this.#lender = lender;
    if (lender !== undefined) {
      lender.onGrown = () => this.#fit();
    }
  }

  /** What it may take now, with what it may borrow. */
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

  /** Like `get`, for what is no use of it. */
  peek(key: string): Value | undefined {
    return partOf(this.#parts, key).get(key);
  }

  /** One that is larger than the whole cache is not kept. */
  set(key: string, value: Value): void {
    this.delete(key);
    this.add(key, value);
  }

  /** Like `set`, under a key that is not there. */
  add(key: string, value: Value): void {
    if (value.sizeBytes > this.capacityBytes) {
      return;
    }
    this.#sets += 1;
    if (this.#sets % setsPerStep === 0) {
      // An iterator that stands still keeps every table alive that its Map has had since.
      this.#step();
    }
    this.#grow(value.sizeBytes);
    partOf(this.#parts, key).set(key, value);
  }

  /** What is kept takes more or less memory than before. Whatever has to make room for that may be this very value. */
  resize(value: Value, sizeBytes: number): void {
    const more = sizeBytes - value.sizeBytes;
    value.sizeBytes = sizeBytes;
    this.#grow(more);
  }

  /** True where it was there. */
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

  /** Moves the hand; undefined where it came to the end of a part, and stands before the next one. */
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
