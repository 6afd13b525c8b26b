/**
 * The records: 16-character keys in order of their number, and values of the requested size that compress to about
 * half.
 */

import { Random } from "./random.js";

export function keyOf(number: number): string {
  return `key:${String(number).padStart(12, "0")}`;
}

/** A key between two existing ones. */
export function missingKeyOf(number: number): string {
  return `${keyOf(number)}?`;
}

const letters = "abcdefghijklmnopqrstuvwxyz0123456789";
const poolSize = 997;

/** Values are taken in turn from a pool, so that creating them takes no time during the measurement. */
export function valuePool(sizeBytes: number, seed: number): (number: number) => string {
  const random = new Random(seed);
  const pool = Array.from({ length: poolSize }, () => {
    let half = "";
    while (half.length < Math.ceil(sizeBytes / 2)) {
      half += letters[random.below(letters.length)];
    }
    // A JSON string is stored with its two quotes, so these count.
    return (half + half).slice(0, Math.max(0, sizeBytes - 2));
  });
  return (number) => pool[number % poolSize]!;
}
