import { randomInt } from "node:crypto";
import { finalMix } from "../../../shared/hash.js";

/**
 * Of this thread alone: whoever chooses keys must not be able to choose such as all have one hash. Nothing that can be seen depends
 * on it.
 */
const seed = randomInt(0x1_0000_0000);
const prime = 0x01000193;

/** Byte by byte, in the manner of FNV-1a, with the high bits mixed into the low ones at each step. */
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
