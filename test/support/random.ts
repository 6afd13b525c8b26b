/**
 * Seeded randomness for tests. Every random test draws its seed here, so that a failure can be run again:
 * `FASTKV_TEST_SEED=<seed> npx mocha ...` gives each test the seed that its failure message names.
 */

import { randomInt } from "node:crypto";

const twoTo32 = 0x1_0000_0000;

/** sfc32 (Chris Doty-Humphrey, PractRand), seeded through splitmix32: small, fast, and the same everywhere. */
export class Random {
  readonly seed: number;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.seed = seed >>> 0;
    let state = this.seed;
    const splitmix = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
      return mixed ^ (mixed >>> 15);
    };
    this.#a = splitmix();
    this.#b = splitmix();
    this.#c = splitmix();
    for (let round = 0; round < 8; round += 1) {
      this.next32();
    }
  }

  /** An unsigned 32-bit integer. */
  next32(): number {
    const result = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + result;
    return result >>> 0;
  }

  /** An integer from 0 up to, not including, `limit` (at most 2^32). */
  int(limit: number): number {
    return Math.floor((this.next32() / twoTo32) * limit);
  }

  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.int(high - low + 1);
  }

  chance(probability: number): boolean {
    return this.next32() < probability * twoTo32;
  }

  pick<T>(choices: readonly T[]): T {
    if (choices.length === 0) {
      throw new Error("Nothing to pick from");
    }
    return choices[this.int(choices.length)] as T;
  }

  bytes(count: number): Buffer {
    const bytes = Buffer.allocUnsafe(count);
    let at = 0;
    for (; at + 4 <= count; at += 4) {
      bytes.writeUInt32LE(this.next32(), at);
    }
    for (; at < count; at += 1) {
      bytes[at] = this.next32();
    }
    return bytes;
  }

  /** Shuffles in place, and returns the same array. */
  shuffle<T>(items: T[]): T[] {
    for (let at = items.length - 1; at > 0; at -= 1) {
      const other = this.int(at + 1);
      [items[at], items[other]] = [items[other] as T, items[at] as T];
    }
    return items;
  }

  /** A generator of its own, so that what one part draws does not shift what another draws. */
  fork(): Random {
    return new Random(this.next32());
  }
}

/** The seed to replay from the environment, or a fresh one. */
export function chooseSeed(): number {
  const given = process.env.FASTKV_TEST_SEED;
  if (given === undefined || given === "") {
    return randomInt(twoTo32);
  }
  const seed = Number(given);
  if (!Number.isInteger(seed) || seed < 0 || seed >= twoTo32) {
    throw new Error(`FASTKV_TEST_SEED must be an integer from 0 to 2^32 - 1, not ${given}`);
  }
  return seed;
}

/** Runs a body with a seeded generator; what it throws names the seed. */
export async function withRandom(body: (random: Random) => void | Promise<void>): Promise<void> {
  const seed = chooseSeed();
  try {
    await body(new Random(seed));
  } catch (error) {
    throw named(error, seed);
  }
}

/** A mocha test with a seeded generator. */
export function itWithRandom(title: string, body: (random: Random) => void | Promise<void>): void {
  it(title, () => withRandom(body));
}

function named(error: unknown, seed: number): Error {
  const hint = `[replay with FASTKV_TEST_SEED=${seed}]`;
  if (!(error instanceof Error)) {
    return new Error(`${String(error)} ${hint}`, { cause: error });
  }
  // The stack repeats the message and is what a reporter prints.
  const stack = error.stack;
  const message = error.message;
  error.message = `${message} ${hint}`;
  if (stack !== undefined) {
    error.stack = message === "" ? `${hint}\n${stack}` : stack.replace(message, () => error.message);
  }
  return error;
}
