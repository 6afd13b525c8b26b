/**
 * The bloom filter over all distinct keys of a table. FROZEN (format version 1).
 *
 *     offset  size  field
 *          0     1  number of probes k, 1 to 30
 *          1     3  zero
 *          4     B  bits; bit i is bit (i mod 8) of byte (i div 8)
 *
 * An empty filter (0 bytes) answers "maybe" to everything. Bit numbers come from two 32-bit hashes of the key by
 * enhanced double hashing (Dillinger and Manolios, "Bloom Filters in Probabilistic Verification", 2004). One hash is
 * not enough, because all keys in a shard agree in xxHash32 modulo the shard count: with 256 shards it has only 2^24
 * values here, which alone would cause 11% false positives in a table of 2 million keys. Both hashes together have
 * enough values for any table, and the rate is that of the bloom filter: (1 - e^(-k/b))^k at b bits a key, 0.82% at
 * 10.
 */

import { corruption } from "../../../shared/errors.js";
import { finalMix, hashBytes } from "../../../shared/hash.js";

const headerBytes = 4;
const maxProbes = 30;
/** Bit numbers are 32-bit integers. */
const maxFilterBits = 2 ** 31;

const { imul } = Math;

/** The body of MurmurHash3_x86_32 (Austin Appleby), its tail simplified. Independent of xxHash32. */
function secondHash(bytes: Uint8Array, start: number, end: number): number {
  let hash = (0x2545f491 ^ (end - start)) | 0;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    let word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    word = imul(word, 0xcc9e2d51);
    hash ^= imul((word << 15) | (word >>> 17), 0x1b873593);
    hash = (imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  for (; at < end; at += 1) {
    hash = imul(hash ^ bytes[at]!, 0x5bd1e995);
    hash = (hash << 15) | (hash >>> 17);
  }
  return finalMix(hash);
}

/** Where the probes of a key begin: the first hash, without what all keys of a shard have in common. */
function firstProbe(hash: number, second: number): number {
  return finalMix((hash + imul(second, 0x9e3779b1)) | 0);
}

/** Collects the hashes of a table's distinct keys, and makes a filter of the right size for them. */
export class BloomFilterBuilder {
  keys = 0;
  readonly #bitsPerKey: number;
  #hashes = new Uint32Array(2048);

  /** With `bitsPerKey` 0 no filter is made. */
  constructor(bitsPerKey: number) {
    this.#bitsPerKey = bitsPerKey;
  }

  get contentBytes(): number {
    return this.#bitsPerKey === 0 ? 0 : headerBytes + filterBytes(this.keys, this.#bitsPerKey);
  }

  add(bytes: Uint8Array, start: number, end: number): void {
    if (this.#bitsPerKey === 0) {
      return;
    }
    const slot = this.keys * 2;
    if (slot === this.#hashes.length) {
      const larger = new Uint32Array(slot * 2);
      larger.set(this.#hashes);
      this.#hashes = larger;
    }
    this.#hashes[slot] = hashBytes(bytes, start, end);
    this.#hashes[slot + 1] = secondHash(bytes, start, end);
    this.keys += 1;
  }

  finish(): Buffer {
    if (this.#bitsPerKey === 0) {
      return Buffer.alloc(0);
    }
    const probes = Math.max(1, Math.min(maxProbes, Math.round(this.#bitsPerKey * Math.LN2)));
    const content = Buffer.alloc(this.contentBytes);
    content[0] = probes;
    const bits = content.subarray(headerBytes);
    const bitCount = bits.length * 8;
    const hashes = this.#hashes;
    for (let slot = 0; slot < this.keys * 2; slot += 2) {
      let step = hashes[slot + 1]!;
      let probe = firstProbe(hashes[slot]!, step);
      for (let round = 0; round < probes; round += 1) {
        const bit = probe % bitCount;
        bits[bit >>> 3]! |= 1 << (bit & 7);
        probe = (probe + step) >>> 0;
        step = (step + round) >>> 0;
      }
    }
    return content;
  }
}

function filterBytes(keys: number, bitsPerKey: number): number {
  return Math.min(maxFilterBits / 8, Math.max(8, Math.ceil((keys * bitsPerKey) / 8)));
}

export class BloomFilter {
  readonly #bits: Uint8Array;
  readonly #bitCount: number;
  readonly #probes: number;

  private constructor(bits: Uint8Array, probes: number) {
    this.#bits = bits;
    this.#bitCount = bits.length * 8;
    this.#probes = probes;
  }

  /** Keeps `content`; undefined means "no filter". Path and offset are for error messages. */
  static decode(content: Buffer, path: string, offset: number): BloomFilter | undefined {
    if (content.length === 0) {
      return undefined;
    }
    const probes = content[0]!;
    const bitBytes = content.length - headerBytes;
    if (probes < 1 || probes > maxProbes || bitBytes < 1 || bitBytes > maxFilterBits / 8) {
      throw corruption(path, offset, "impossible bloom filter");
    }
    return new BloomFilter(content.subarray(headerBytes), probes);
  }

  /** False only if the key is not in the table. */
  mayContain(bytes: Uint8Array, start: number, end: number): boolean {
    const bits = this.#bits;
    const bitCount = this.#bitCount;
    const probes = this.#probes;
    let step = secondHash(bytes, start, end);
    let probe = firstProbe(hashBytes(bytes, start, end), step);
    for (let round = 0; round < probes; round += 1) {
      const bit = probe % bitCount;
      if ((bits[bit >>> 3]! & (1 << (bit & 7))) === 0) {
        return false;
      }
      probe = (probe + step) >>> 0;
      step = (step + round) >>> 0;
    }
    return true;
  }
}
