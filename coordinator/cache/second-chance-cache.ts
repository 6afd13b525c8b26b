/** What is kept in a `SecondChanceCache`. */
export interface Cacheable {
  /** What it takes in memory, its key and all that holds it included. */
  readonly sizeBytes: number;
  /** Read since it was put in, or since the hand passed it. The cache's own. */
  wasUsed: boolean;
}

/**
 * A cache bounded by bytes that lets go what was not read for long: a hand goes round the entries, takes out those that
 * were not used since it last passed, and gives the others a second chance. A hit costs no more than a look-up, where
 * keeping the exact order of use would move the entry each time.
 */
export class SecondChanceCache<Value extends Cacheable> {
  readonly #capacityBytes: number;
  /** In the order in which the hand meets them. */
  readonly #entries = new Map<string, Value>();
  #hand = this.#entries.entries();
  #bytes = 0;

  constructor(capacityBytes: number) {
    this.#capacityBytes = capacityBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Value | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) {
      value.wasUsed = true;
    }
    return value;
  }

  /** One that is larger than the whole cache is not kept. */
  set(key: string, value: Value): void {
    this.delete(key);
    if (value.sizeBytes > this.#capacityBytes) {
      return;
    }
    this.#bytes += value.sizeBytes;
    while (this.#bytes > this.#capacityBytes) {
      this.#passOne();
    }
    this.#entries.set(key, value);
  }

  /** True where it was there. */
  delete(key: string): boolean {
    const value = this.#entries.get(key);
    if (value === undefined) {
      return false;
    }
    this.#entries.delete(key);
    this.#bytes -= value.sizeBytes;
    return true;
  }

  clear(): void {
    this.#entries.clear();
    this.#hand = this.#entries.entries();
    this.#bytes = 0;
  }

  #passOne(): void {
    const { done, value: entry } = this.#hand.next();
    if (done) {
      this.#hand = this.#entries.entries();
      return;
    }
    const [key, value] = entry;
    this.#entries.delete(key);
    if (value.wasUsed) {
      // To the end of the round.
      value.wasUsed = false;
      this.#entries.set(key, value);
    } else {
      this.#bytes -= value.sizeBytes;
    }
  }
}
