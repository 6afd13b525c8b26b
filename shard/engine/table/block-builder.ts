import { writeUint64 } from "../../../shared/bytes.js";
import type { EntryKind } from "../iterator/cursor.js";
import { blockTailBytes, entryFlag, maxEntryOverheadBytes, restartInterval } from "./block-format.js";
import { copyBytes } from "./copy-bytes.js";
import { numberBytes, writeLength, writeNumber } from "./varint.js";

/** A buffer that grew beyond this because of one huge value is not kept. */
const keptCapacityBytes = 1024 * 1024;
/** Builds the content of data blocks, one after the other (block-format.ts). The caller keeps the order of keys. */
export class BlockBuilder {
  entries = 0;

  readonly #firstCapacityBytes: number;
  #buffer: Buffer;
  #length = 0;
  #restarts = new Uint32Array(64);
  #restartCount = 0;
  #baseSequence = 0;

  constructor(blockBytes: number) {
    this.#firstCapacityBytes = blockBytes + 1024;
    this.#buffer = Buffer.allocUnsafeSlow(this.#firstCapacityBytes);
  }

  /** The size of what `finish` would return now. */
  get contentBytes(): number {
    return this.#length + 4 * this.#restartCount + blockTailBytes;
  }

  /**
   * Appends an entry with the key `key[0..keyBytes)`, which shares its first `commonBytes` bytes with the key before.
   */
  add(
    key: Uint8Array,
    keyBytes: number,
    commonBytes: number,
    sequence: number,
    kind: EntryKind,
    tag: number,
    expiresAt: number,
    valueBuffer: Buffer,
    valueStart: number,
    valueEnd: number,
  ): void {
    const valueBytes = valueEnd - valueStart;
    this.#reserve(keyBytes + valueBytes + maxEntryOverheadBytes);
    let shared = commonBytes;
    if (this.entries % restartInterval === 0) {
      shared = 0;
      this.#addRestart();
      if (this.entries === 0) {
        this.#baseSequence = sequence;
      }
    }
    this.entries += 1;
    let flags: number = kind;
    let distance = sequence - this.#baseSequence;
    if (distance < 0) {
      distance = -distance;
      flags |= entryFlag.belowBase;
    }
    let metaBytes = 2 + numberBytes(distance);
    if (expiresAt !== 0) {
      flags |= entryFlag.expires;
      metaBytes += 8;
    }
    const buffer = this.#buffer;
    let at = writeLength(buffer, shared, this.#length);
    at = writeLength(buffer, keyBytes - shared, at);
    at = writeLength(buffer, metaBytes + valueBytes, at);
    copyBytes(key, shared, keyBytes, buffer, at);
    at += keyBytes - shared;
    buffer[at] = flags;
    buffer[at + 1] = tag;
    at = writeNumber(buffer, distance, at + 2);
    if (expiresAt !== 0) {
      at = buffer.writeDoubleLE(expiresAt, at);
    }
    copyBytes(valueBuffer, valueStart, valueEnd, buffer, at);
    this.#length = at + valueBytes;
  }

  /** Returns the content of the block, which stays valid until `reset`. */
  finish(): Buffer {
    this.#reserve(4 * this.#restartCount + blockTailBytes);
    const buffer = this.#buffer;
    let at = this.#length;
    for (let restart = 0; restart < this.#restartCount; restart += 1) {
      at = buffer.writeUInt32LE(this.#restarts[restart]!, at);
    }
    writeUint64(buffer, this.#baseSequence, at);
    at = buffer.writeUInt32LE(this.#restartCount, at + 8);
    return buffer.subarray(0, at);
  }

  reset(): void {
    this.entries = 0;
    this.#length = 0;
    this.#restartCount = 0;
    if (this.#buffer.length > keptCapacityBytes) {
      this.#buffer = Buffer.allocUnsafeSlow(this.#firstCapacityBytes);
    }
  }

  #addRestart(): void {
    if (this.#restartCount === this.#restarts.length) {
      const larger = new Uint32Array(this.#restarts.length * 2);
      larger.set(this.#restarts);
      this.#restarts = larger;
    }
    this.#restarts[this.#restartCount] = this.#length;
    this.#restartCount += 1;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
  }
}
