/** The keys of a history: all that there are, so that what a scan leaves out is known to be missing. */

import type { Random } from "../../../support/random.js";

export interface KeyRange {
  readonly gte?: string;
  readonly lt?: string;
}

export class Keys {
  /** In byte order. */
  readonly all: readonly string[];
  readonly #hot: readonly string[];

  constructor(count: number, random: Random) {
    this.all = Array.from({ length: count }, (_, at) => `k${String(at).padStart(5, "0")}`);
    this.#hot = random.shuffle([...this.all]).slice(0, 5);
  }

  /** Half of the calls go to few keys. */
  one(random: Random): string {
    return random.pick(random.chance(0.5) ? this.#hot : this.all);
  }

  /** Different ones. */
  some(random: Random, most: number): string[] {
    const count = random.between(1, most);
    return [...new Set(Array.from({ length: count }, () => this.one(random)))];
  }

  /** None of the keys that all clients call. */
  quiet(random: Random, most: number): string[] {
    const drawn = Array.from({ length: most }, () => random.pick(this.all));
    return [...new Set(drawn)].filter((key) => !this.#hot.includes(key));
  }

  range(random: Random, most = this.all.length): KeyRange {
    const start = random.int(this.all.length);
    const end = start + random.between(1, most);
    return { gte: this.all[start]!, ...(end < this.all.length ? { lt: this.all[end]! } : {}) };
  }

  inRange({ gte = "", lt }: KeyRange): string[] {
    return this.all.filter((key) => key >= gte && (lt === undefined || key < lt));
  }
}
