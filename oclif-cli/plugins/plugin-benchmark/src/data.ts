/** The records: 16-character keys in order of their number, values of the asked size that compress about by half. */

import { Random } from "./random.js";

export function keyOf(number: number): string {
  return `key:${String(number).padStart(12, "0")}`;
}

/** A key between two that exist. */
export function missingKeyOf(number: number): string {
  return `${keyOf(number)}?`;
}

const letters = "abcdefghijklmnopqrstuvwxyz0123456789";
const poolSize = 997;

/** Values are taken in turn from a pool, so that making them costs nothing while the clock runs. */
export function valuePool(sizeBytes: number, seed: number): (number: number) => string {
  const random = new Random(seed);
  const pool = Array.from({ length: poolSize }, () => {
    let half = "";
    while (half.length < Math.ceil(sizeBytes / 2)) {
      half += letters[random.below(letters.length)];
    }
    // A JSON string is stored with its two quotes: they count.
    return (half + half).slice(0, Math.max(0, sizeBytes - 2));
  });
  return (number) => pool[number % poolSize]!;
}
