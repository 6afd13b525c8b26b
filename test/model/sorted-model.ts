/** What an ordered store with snapshots and expiry is, in the plainest form: the truth that tests compare with. */

export interface Expected {
  value: string;
  /** 0: never. */
  expiresAt: number;
}

/** Keys and values are byte strings: one byte in each unit, so `<` is unsigned byte order. */
export class SortedModel {
  readonly #entries: Map<string, Expected>;

  constructor(entries: Iterable<readonly [string, Expected]> = []) {
    this.#entries = new Map(entries);
  }

  put(key: string, value: string, expiresAt = 0): void {
    this.#entries.set(key, { value, expiresAt });
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  clear(lower: string, upper: string | null): void {
    for (const key of this.#entries.keys()) {
      if (key >= lower && (upper === null || key < upper)) {
        this.#entries.delete(key);
      }
    }
  }

  copy(): SortedModel {
    return new SortedModel(this.#entries);
  }

  /** All that has not expired, in no order. */
  *visible(nowMs: number): Generator<[string, Expected]> {
    for (const [key, expected] of this.#entries) {
      if (expected.expiresAt === 0 || expected.expiresAt > nowMs) {
        yield [key, expected];
      }
    }
  }

  get(key: string, nowMs: number): Expected | undefined {
    const found = this.#entries.get(key);
    return found === undefined || (found.expiresAt !== 0 && found.expiresAt <= nowMs) ? undefined : found;
  }

  scan(
    lower: string,
    upper: string | null,
    nowMs: number,
    { reverse = false, limit = Number.POSITIVE_INFINITY } = {},
  ): [string, string][] {
    const found = [...this.#entries]
      .filter(([key]) => key >= lower && (upper === null || key < upper) && this.get(key, nowMs))
      .map(([key, { value }]): [string, string] => [key, value])
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return (reverse ? found.reverse() : found).slice(0, limit);
  }
}
