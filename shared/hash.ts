/**
 * xxHash32 with seed 0 (Yann Collet, https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md), over the bytes of a key.
 * FROZEN: the name `xxh32` is written into each database, and the shard of a key depends on it forever.
 */

export const hashName = "xxh32";

const prime1 = 0x9e3779b1;
const prime2 = 0x85ebca77;
const prime3 = 0xc2b2ae3d;
const prime4 = 0x27d4eb2f;
const prime5 = 0x165667b1;

const { imul } = Math;

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function readWord(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

function round(lane: number, word: number): number {
  return imul(rotateLeft((lane + imul(word, prime2)) | 0, 13), prime1);
}

/** Returns the hash of `bytes[start..end)`, an unsigned 32-bit integer. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  let at = start;
  let hash: number;
  if (length >= 16) {
    let lane1 = (prime1 + prime2) | 0;
    let lane2 = prime2 | 0;
    let lane3 = 0;
    let lane4 = -prime1 | 0;
    const lastStripe = end - 16;
    do {
      lane1 = round(lane1, readWord(bytes, at));
      lane2 = round(lane2, readWord(bytes, at + 4));
      lane3 = round(lane3, readWord(bytes, at + 8));
      lane4 = round(lane4, readWord(bytes, at + 12));
      at += 16;
    } while (at <= lastStripe);
    hash = (rotateLeft(lane1, 1) + rotateLeft(lane2, 7) + rotateLeft(lane3, 12) + rotateLeft(lane4, 18)) | 0;
  } else {
    hash = prime5 | 0;
  }
  hash = (hash + length) | 0;
  while (at + 4 <= end) {
    hash = imul(rotateLeft((hash + imul(readWord(bytes, at), prime3)) | 0, 17), prime4);
    at += 4;
  }
  while (at < end) {
    hash = imul(rotateLeft((hash + imul(bytes[at]!, prime5)) | 0, 11), prime1);
    at += 1;
  }
  return finalMix(hash);
}

/**
 * Returns the shard of the key in `bytes[0..keyBytes)`: its hash modulo the number of shards. FROZEN, like the hash.
 */
export function shardOfKey(bytes: Uint8Array, keyBytes: number, shards: number): number {
  return shards === 1 ? 0 : hashBytes(bytes, 0, keyBytes) % shards;
}

/** The avalanche step of xxHash32; also used to derive independent bits from one hash. */
export function finalMix(hash: number): number {
  let mixed = hash;
  mixed = imul(mixed ^ (mixed >>> 15), prime2);
  mixed = imul(mixed ^ (mixed >>> 13), prime3);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
