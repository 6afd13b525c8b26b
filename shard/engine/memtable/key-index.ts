import type { ByteString } from "../../../shared/bytes.js";
import { maxKeyBytes } from "../../../shared/limits.js";
import { hashOfKey } from "./key-hash.js";
import { none, type Rows } from "./rows.js";

/**
 * The table is split into parts, each of which grows on its own: rebuilding a single table of 250,000 keys at twice its
 * size would block the event loop for milliseconds.
 */
const partBits = 4;
const firstSlots = 16;
/** Holds the key that `findKey` looks for. */
const scratch = Buffer.allocUnsafeSlow(maxKeyBytes);

interface Part {
  /** Two numbers for each slot: the hash of the key, and its row + 1, or 0 if the slot is empty. */
  slots: Int32Array;
  keys: number;
}

function newPart(slots: number): Part {
  return { slots: new Int32Array(2 * slots), keys: 0 };
}

/**
 * Finds the row of a key's newest version: a hash table with open addressing. It holds no keys but compares with those
 * of the rows.
 */
export class KeyIndex {
  readonly #rows: Rows;
  readonly #parts: readonly Part[] = Array.from({ length: 1 << partBits }, () => newPart(firstSlots));
  /** The result of the last search: where the key is, or would be. */
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

  /** The same for a byte string. */
  findKey(key: ByteString): number {
    return this.find(scratch, 0, scratch.latin1Write(key, 0));
  }

  /** Sets another row for the key of the last search, which was found. */
  replace(row: number): void {
    this.#part.slots[2 * this.#slot + 1] = row + 1;
  }

  /** Adds the key of the last search, which was not found. */
  add(row: number): void {
    const part = this.#part;
    part.slots[2 * this.#slot] = this.#hash;
    part.slots[2 * this.#slot + 1] = row + 1;
    part.keys += 1;
    // With more than three quarters of the slots taken, unsuccessful searches would be long.
    if (part.keys * 8 > part.slots.length * 3) {
      grow(part);
    }
  }

  #start(hash: number): void {
    this.#hash = hash;
    this.#part = this.#parts[hash >>> (32 - partBits)]!;
    this.#slot = hash & ((this.#part.slots.length >>> 1) - 1);
  }

  /** The row in the next slot with the hash that is searched for, or `none` at an empty slot. */
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
