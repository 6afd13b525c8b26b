/**
 * The index of a table: where its data blocks are, and a *fence* for each: the shortest byte string that is greater
 * than every key of the block before and not greater than the first key of the block itself. FROZEN (format
 * version 1). Little-endian.
 *
 *     offset  size  field
 *          0     4  number of data blocks N, at least 1
 *          4    4N  stored length of each block, without its trailer
 *       4+4N    4N  where each fence ends in the fence bytes (low 31 bits); bit 31: the block *continues*, that is, it
 *                   begins with the key that the block before ends with, and its fence is that key
 *       4+8N     F  fence bytes; the first fence is empty
 *
 * The first block follows the file header, and each further block directly follows the one before.
 */

import { corruption, invariant } from "../../../shared/errors.js";
import { fileHeaderBytes } from "../../../shared/format/file-header.js";
import { maxKeyBytes } from "../../../shared/limits.js";
import { blockTrailerBytes } from "./block-format.js";
import { copyBytes } from "./copy-bytes.js";

const continuesBit = 0x8000_0000;
const maxFenceBytes = 0x7fff_ffff;

export class BlockIndexBuilder {
  blocks = 0;
  #lengths = new Uint32Array(64);
  #fenceEnds = new Uint32Array(64);
  #fences = Buffer.allocUnsafeSlow(4096);
  #fenceBytes = 0;

  get contentBytes(): number {
    return 4 + 8 * this.blocks + this.#fenceBytes;
  }

  /** Begins a block whose fence is `key[0..fenceBytes)`. */
  begin(key: Uint8Array, fenceBytes: number, continues: boolean): void {
    if (this.blocks === this.#lengths.length) {
      this.#lengths = grown(this.#lengths);
      this.#fenceEnds = grown(this.#fenceEnds);
    }
    const end = this.#fenceBytes + fenceBytes;
    invariant(end <= maxFenceBytes, "a table's index is larger than its format allows");
    if (end > this.#fences.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end, this.#fences.length * 2));
      this.#fences.copy(larger, 0, 0, this.#fenceBytes);
      this.#fences = larger;
    }
    copyBytes(key, 0, fenceBytes, this.#fences, this.#fenceBytes);
    this.#fenceBytes = end;
    this.#fenceEnds[this.blocks] = continues ? end + continuesBit : end;
    this.blocks += 1;
  }

  /** Ends the current block. */
  end(storedBytes: number): void {
    this.#lengths[this.blocks - 1] = storedBytes;
  }

  finish(): Buffer {
    const content = Buffer.allocUnsafeSlow(this.contentBytes);
    let at = content.writeUInt32LE(this.blocks, 0);
    for (let block = 0; block < this.blocks; block += 1) {
      at = content.writeUInt32LE(this.#lengths[block]!, at);
    }
    for (let block = 0; block < this.blocks; block += 1) {
      at = content.writeUInt32LE(this.#fenceEnds[block]!, at);
    }
    this.#fences.copy(content, at, 0, this.#fenceBytes);
    return content;
  }
}

function grown(array: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2);
  larger.set(array);
  return larger;
}

/** The index in memory. Fences stay packed in one buffer, away from the garbage collector. */
export class BlockIndex {
  readonly blocks: number;
  /** Where the data blocks end in the file. */
  readonly dataEnd: number;
  readonly #lengths: Uint32Array;
  readonly #offsets: Float64Array;
  readonly #fences: Buffer;
  /** Fence i is `[fenceEnds[i], fenceEnds[i + 1])`. */
  readonly #fenceEnds: Uint32Array;
  readonly #continues: Uint8Array;
  /** How many leading bytes all fences except the first have in common. */
  readonly #commonBytes: number;
  /** The four bytes of each fence after the common ones, as a number: these decide most comparisons. */
  readonly #heads: Uint32Array;

  /** Keeps `content`. Path and offset are for error messages. */
  constructor(content: Buffer, path: string, offset: number) {
    const blocks = content.length < 4 ? 0 : content.readUInt32LE(0);
    const fencesAt = 4 + 8 * blocks;
    if (blocks < 1 || fencesAt > content.length) {
      throw corruption(path, offset, "impossible number of blocks in an index");
    }
    this.blocks = blocks;
    this.#fences = content.subarray(fencesAt);
    this.#lengths = new Uint32Array(blocks);
    this.#offsets = new Float64Array(blocks);
    this.#fenceEnds = new Uint32Array(blocks + 1);
    this.#continues = new Uint8Array(blocks);
    this.#heads = new Uint32Array(blocks);
    let dataEnd = fileHeaderBytes;
    let previousEnd = 0;
    for (let block = 0; block < blocks; block += 1) {
      const length = content.readUInt32LE(4 + 4 * block);
      this.#lengths[block] = length;
      this.#offsets[block] = dataEnd;
      dataEnd += length + blockTrailerBytes;
      const end = content.readUInt32LE(4 + 4 * (blocks + block));
      const fenceEnd = end & maxFenceBytes;
      const fenceBytes = fenceEnd - previousEnd;
      if (fenceBytes < 0 || fenceBytes > maxKeyBytes || (block === 0 && end !== 0)) {
        throw corruption(path, offset, "impossible fences in an index");
      }
      this.#fenceEnds[block + 1] = fenceEnd;
      this.#continues[block] = end >= continuesBit ? 1 : 0;
      previousEnd = fenceEnd;
    }
    if (previousEnd !== this.#fences.length) {
      throw corruption(path, offset, "the fences of an index do not fill it");
    }
    this.dataEnd = dataEnd;
    this.#commonBytes = this.#countCommonBytes();
    for (let block = 1; block < blocks; block += 1) {
      const from = this.#fenceEnds[block]! + this.#commonBytes;
      this.#heads[block] = head(this.#fences, from, this.#fenceEnds[block + 1]!);
    }
  }

  /** Offset of the block in the file. */
  offset(block: number): number {
    return this.#offsets[block]!;
  }

  /** Length of the stored block without its trailer. */
  storedBytes(block: number): number {
    return this.#lengths[block]!;
  }

  /** True if the block begins with the key that the block before ends with. */
  continues(block: number): boolean {
    return this.#continues[block] === 1;
  }

  fence(block: number): Buffer {
    return this.#fences.subarray(this.#fenceEnds[block]!, this.#fenceEnds[block + 1]!);
  }

  /**
   * Finds the block that holds the first entry whose key is at or after `target[0..targetBytes)`, if any block does.
   * That entry may also be the first of the next block.
   */
  find(target: Uint8Array, targetBytes: number): number {
    const common = this.#compareCommon(target, targetBytes);
    if (common < 0) {
      return 0;
    }
    if (common > 0) {
      return this.blocks - 1;
    }
    const targetHead = head(target, this.#commonBytes, targetBytes);
    const heads = this.#heads;
    let low = 0;
    let high = this.blocks - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      const fenceHead = heads[middle]!;
      if (
        fenceHead < targetHead ||
        (fenceHead === targetHead && this.#compare(middle, target, targetBytes) <= 0)
      ) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    while (this.#continues[low] === 1 && this.#compare(low, target, targetBytes) === 0) {
      low -= 1;
    }
    return low;
  }

  /** Fences ascend, so all fences but the first share what the second and the last have in common. */
  #countCommonBytes(): number {
    if (this.blocks < 2) {
      return 0;
    }
    const second = this.fence(1);
    const last = this.fence(this.blocks - 1);
    const limit = Math.min(second.length, last.length);
    let common = 0;
    while (common < limit && second[common] === last[common]) {
      common += 1;
    }
    return common;
  }

  /** Compares the target with the common beginning of all fences but the first; 0 if the target begins with it. */
  #compareCommon(target: Uint8Array, targetBytes: number): number {
    if (this.blocks < 2) {
      return -1;
    }
    const fences = this.#fences;
    const common = this.#commonBytes;
    for (let index = 0; index < common; index += 1) {
      if (index === targetBytes) {
        return -1;
      }
      const difference = target[index]! - fences[index]!;
      if (difference !== 0) {
        return difference;
      }
    }
    return 0;
  }

  /** Below, at or above 0 if the fence is before, equal to or after the target. */
  #compare(block: number, target: Uint8Array, targetBytes: number): number {
    const fences = this.#fences;
    const start = this.#fenceEnds[block]!;
    const fenceBytes = this.#fenceEnds[block + 1]! - start;
    const limit = Math.min(fenceBytes, targetBytes);
    for (let index = 0; index < limit; index += 1) {
      const difference = fences[start + index]! - target[index]!;
      if (difference !== 0) {
        return difference;
      }
    }
    return fenceBytes - targetBytes;
  }
}

/**
 * Up to four bytes of `[at, end)`, big-endian, padded with zeros: ordered as the bytes are, except that unequal bytes
 * may give equal numbers.
 */
function head(bytes: Uint8Array, at: number, end: number): number {
  let value = 0;
  for (let index = at; index < at + 4; index += 1) {
    value = (value << 8) | (index < end ? bytes[index]! : 0);
  }
  return value >>> 0;
}
