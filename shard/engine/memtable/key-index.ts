import type { ByteString } from "../../../shared/bytes.js";
import { maxKeyBytes } from "../../../shared/limits.js";
import { hashOfKey } from "./key-hash.js";
import { none, type Rows } from "./rows.js";

/**
 * The parts of the table. Each grows for itself: one table of 250,000 keys that makes itself anew at twice its size would keep
 * the event loop from running for milliseconds.
 */
const partBits = 4;
const firstSlots = 16;
/** For the key that is sought. */
const scratch = Buffer.allocUnsafeSlow(maxKeyBytes);

interface Part {
  /** Two numbers for each slot: the key's hash, and its row + 1, or 0 in an empty slot. */
  slots: Int32Array;
  keys: number;
}

function newPart(slots: number): Part {
  return { slots: new Int32Array(2 * slots), keys: 0 };
}

/** From a key to the row of its newest version: a hash table with open addressing, which holds no keys but looks at those of the rows. */
export class KeyIndex {
  readonly #rows: Rows;
  readonly #parts: readonly Part[] = Array.from({ length: 1 << partBits }, () => newPart(firstSlots));
  /** What the last search found: where the key is, or would be. */
  #part = this.#parts[0]!;
  #slot = 0;
  #hash = 0;

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  /** The newest row with the key `bytes[start..end)`, or `none`. */
  find(bytes: Buffer, start: number, end: number): number {
    this.#start(hashOfKey(bytes, start, end));
    for (let row = this.#nextRow(); row !== none; row = this.#nextRow()) {
      if (this.#rows.hasKey(row, bytes, start, end)) {
        return row;
      }
      this.#pass();
    }
    return none;
  }

  /** The same of a byte string. */
  findKey(key: ByteString): number {
    return this.find(scratch, 0, scratch.latin1Write(key, 0));
  }

  /** Gives the key that was sought last, which was found, another row. */
  replace(row: number): void {
    this.#part.slots[2 * this.#slot + 1] = row + 1;
  }

  /** Adds the key that was sought last, which was not found. */
  add(row: number): void {
    const part = this.#part;
    part.slots[2 * this.#slot] = this.#hash;
    part.slots[2 * this.#slot + 1] = row + 1;
    part.keys += 1;
    // With more than three of four slots taken, searches for what is not there would be long.
    if (part.keys * 8 > part.slots.length * 3) {
      grow(part);
    }
  }

  #start(hash: number): void {
    this.#hash = hash;
    this.#part = this.#parts[hash >>> (32 - partBits)]!;
    this.#slot = hash & ((this.#part.slots.length >>> 1) - 1);
  }

  /** The row in the next slot that has the hash which is sought, or `none` at an empty one. */
  #nextRow(): number {
    const { slots } = this.#part;
    while (slots[2 * this.#slot + 1] !== 0 && slots[2 * this.#slot] !== this.#hash) {
      this.#pass();
    }
    return slots[2 * this.#slot + 1]! - 1;
  }

  #pass(): void {
    this.#slot = (this.#slot + 1) & ((this.#part.slots.length >>> 1) - 1);
  }
}

function grow(part: Part): void {
  const from = part.slots;
  const to = new Int32Array(from.length * 2);
  const mask = from.length - 1;
  for (let at = 0; at < from.length; at += 2) {
    if (from[at + 1] !== 0) {
      let slot = from[at]! & mask;
      while (to[2 * slot + 1] !== 0) {
        slot = (slot + 1) & mask;
      }
      to[2 * slot] = from[at]!;
      to[2 * slot + 1] = from[at + 1]!;
    }
  }
  part.slots = to;
}
