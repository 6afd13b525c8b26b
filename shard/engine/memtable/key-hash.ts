import { randomInt } from "node:crypto";
import { finalMix } from "../../../shared/hash.js";

/**
 * Random for each thread, so that nobody can choose keys that all have the same hash. Nothing visible depends on it.
 */
const seed = randomInt(0x1_0000_0000);
const prime = 0x01000193;

/** Mixes in one byte as FNV-1a does, and also folds the high bits into the low ones at each step. */
function mix(hash: number, byte: number): number {
  const product = Math.imul(hash ^ byte, prime);
  return product ^ (product >>> 15);
}

/** The hash of the key in `bytes[start..end)`, a signed 32-bit integer. It differs from thread to thread. */
export function hashOfKey(bytes: Uint8Array, start: number, end: number): number {
  let hash = seed | 0;
  for (let at = start; at < end; at++) {
    hash = mix(hash, bytes[at]!);
  }
  return finalMix(hash) | 0;
}
