/** Which records are used, and in which order. The same seed gives every store the same sequence. */

import { Random, zipfian } from "fastkv-plugin-benchmark/random";
import { mixed } from "./ycsb-records.js";

/** All numbers below the count, each once, in scattered order. */
export function scatteredOrder(count: number): (index: number) => number {
  let step = Math.max(1, Math.floor(count * 0.618_033_988));
  while (greatestCommonDivisor(step, count) !== 1) {
    step++;
  }
  return (index) => (index * step) % count;
}

function greatestCommonDivisor(left: number, right: number): number {
  return right === 0 ? left : greatestCommonDivisor(right, left % right);
}

export function uniformNumbers(seed: number, count: number): () => number {
  const random = new Random(seed);
  return () => random.below(count);
}

/** Zipf's distribution, with the popular records spread over all keys, as YCSB does it ("scrambled"). */
export function zipfianNumbers(seed: number, count: number): () => number {
  const next = zipfian(new Random(seed), count, 0.99);
  return () => mixed(next()) % count;
}

/** Distances from the newest record, the newest most often (YCSB's "latest"). */
export function latestDistances(seed: number, count: number): () => number {
  return zipfian(new Random(seed), count, 0.99);
}
