/** Pseudorandom numbers that are the same for the same seed, so that every run does the same work. */

/** Mulberry32. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Returns a number from 0 up to `limit`, not including it. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * limit);
  }
}

/**
 * Visits 0 to count - 1, each once, in scattered order and without a table: index times a step that has no common
 * divisor with the count.
 */
export function scattered(count: number): (index: number) => number {
  let step = Math.max(1, Math.floor(count * 0.618_033_988));
  while (greatestCommonDivisor(step, count) !== 1) {
    step++;
  }
  return (index) => Number((BigInt(index) * BigInt(step)) % BigInt(count));
}

function greatestCommonDivisor(left: number, right: number): number {
  return right === 0 ? left : greatestCommonDivisor(right, left % right);
}

/**
 * Zipf's distribution as YCSB draws it (Gray et al., "Quickly Generating Billion-Record Synthetic Databases",
 * SIGMOD 1994): rank 0 is drawn most often.
 */
export function zipfian(random: Random, count: number, theta = 0.99): () => number {
  let zeta = 0;
  for (let rank = 1; rank <= count; rank++) {
    zeta += 1 / rank ** theta;
  }
  const zetaTwo = 1 + 1 / 2 ** theta;
  const alpha = 1 / (1 - theta);
  const eta = (1 - (2 / count) ** (1 - theta)) / (1 - zetaTwo / zeta);
  return () => {
    const uniform = random.below(0x1_0000_0000) / 0x1_0000_0000;
    if (uniform * zeta < 1) {
      return 0;
    }
    if (uniform * zeta < zetaTwo) {
      return Math.min(1, count - 1);
    }
    return Math.min(count - 1, Math.floor(count * (eta * uniform - eta + 1) ** alpha));
  };
}
