import type { ByteString } from "../../../shared/bytes.js";
import { maxKeyBytes } from "../../../shared/limits.js";
import { type Cursor, type EntryKind, entryKind } from "../iterator/cursor.js";
import {
  type Block,
  malformedEntry,
  readEntry,
  readEntryRest,
  restartBefore,
  restartOffset,
  searchBlock,
} from "./block-reader.js";
import type { BlockLoader } from "./block-source.js";
import { copyBytes } from "./copy-bytes.js";
import { searchBytes, setSearchKey } from "./search-key.js";
import { lengthBytes, readLength } from "./varint.js";

const noBytes = Buffer.alloc(0);

/** What a cursor needs to know about where the keys are; usually a `BlockIndex`. */
export interface BlockDirectory {
  readonly blocks: number;
  find(target: Uint8Array, targetBytes: number): number;
}

/**
 * Walks over a table. Forwards, each key is completed from the one before it. Backwards, the keys of a restart interval
 * are assembled once and then returned from the last to the first. Calling `next` or `prev` on an invalid cursor does
 * nothing. After an error the cursor is invalid and may be positioned again.
 */
export class TableCursor implements Cursor {
  valid = false;
  key: ByteString = "";
  sequence = 0;
  kind: EntryKind = entryKind.put;
  tag = 0;
  expiresAt = 0;
  valueBuffer: Buffer = noBytes;
  valueStart = 0;
  valueEnd = 0;

  readonly #index: BlockDirectory;
  readonly #loader: BlockLoader;
  /** The sequence number of all entries, or -1 if each has its own. */
  readonly #sequenceOverride: number;
  #block: Block | undefined;
  /** The position of `#block` in the table. */
  #ordinal = 0;
  #entryStart = 0;
  #entryEnd = 0;
  /** The current key's bytes while moving forwards. */
  #keyBytes = Buffer.allocUnsafeSlow(128);
  #keyLength = 0;
  /** While moving backwards: the entries of the restart interval up to the current one, which is at `#intervalAt`. */
  readonly #intervalStarts: number[] = [];
  readonly #intervalKeys: ByteString[] = [];
  #intervalAt = -1;

  constructor(index: BlockDirectory, loader: BlockLoader, sequenceOverride: number | undefined) {
    this.#index = index;
    this.#loader = loader;
    this.#sequenceOverride = sequenceOverride ?? -1;
  }

  seekToFirst(): void {
    this.seekToBlock(0);
  }

  seekToLast(): void {
    const block = this.#enter(this.#index.blocks - 1);
    this.#decodeBackwards(block, block.entriesEnd);
  }

  seek(target: ByteString): void {
    const targetBytes = setSearchKey(target);
    const block = this.#enter(this.#index.find(searchBytes, targetBytes));
    const found = searchBlock(block, searchBytes, targetBytes);
    const at = found < 0 ? ~found : found;
    if (at === block.entriesEnd) {
      this.#enterNext();
      return;
    }
    // The bytes that the entry shares with the one before, it also shares with the target.
    this.#reserveKey(targetBytes, 0);
    copyBytes(searchBytes, 0, targetBytes, this.#keyBytes, 0);
    this.#keyLength = targetBytes;
    this.key = target;
    this.#decode(at);
  }

  seekBefore(target: ByteString): void {
    const targetBytes = setSearchKey(target);
    const block = this.#enter(this.#index.find(searchBytes, targetBytes));
    const found = searchBlock(block, searchBytes, targetBytes);
    this.#moveBefore(block, found < 0 ? ~found : found);
  }

  next(): void {
    const block = this.#block;
    if (!this.valid || block === undefined) {
      return;
    }
    if (this.#intervalAt >= 0) {
      this.#turnForwards();
    }
    if (this.#entryEnd < block.entriesEnd) {
      this.#decode(this.#entryEnd);
    } else {
      this.#enterNext();
    }
  }

  prev(): void {
    const block = this.#block;
    if (!this.valid || block === undefined) {
      return;
    }
    if (this.#intervalAt > 0) {
      this.#intervalAt -= 1;
      this.#showInterval(block);
    } else {
      this.#moveBefore(block, this.#entryStart);
    }
  }

  /** Moves to the first entry of a block of the table. */
  protected seekToBlock(ordinal: number): void {
    this.#enter(ordinal);
    this.#decode(0);
  }

  /** Loads a block and stands before its first entry. */
  #enter(ordinal: number): Block {
    this.valid = false;
    const block = this.#loader.load(ordinal);
    this.#block = block;
    this.#ordinal = ordinal;
    this.#keyLength = 0;
    this.key = "";
    this.#intervalAt = -1;
    return block;
  }

  #enterNext(): void {
    this.valid = false;
    if (this.#ordinal + 1 < this.#index.blocks) {
      this.#enter(this.#ordinal + 1);
      this.#decode(0);
    }
  }

  /** Decodes the entry at `at`; the key's bytes are those of the entry before it. */
  #decode(at: number): void {
    const block = this.#block!;
    const { buffer } = block;
    const shared = readLength(buffer, at);
    const lengthAt = at + lengthBytes(shared);
    const suffixBytes = readLength(buffer, lengthAt);
    const restAt = lengthAt + lengthBytes(suffixBytes);
    const restBytes = readLength(buffer, restAt);
    const suffix = restAt + lengthBytes(restBytes);
    const suffixEnd = suffix + suffixBytes;
    const keyLength = shared + suffixBytes;
    const entryEnd = suffixEnd + restBytes;
    this.valid = false;
    if (shared > this.#keyLength || keyLength > maxKeyBytes || entryEnd > block.entriesEnd) {
      throw malformedEntry(block, at, "its lengths are impossible");
    }
    if (suffixBytes > 0 || shared < this.#keyLength) {
      this.#reserveKey(keyLength, shared);
      const keyBytes = this.#keyBytes;
      copyBytes(buffer, suffix, suffixEnd, keyBytes, shared);
      this.key = keyBytes.latin1Slice(0, keyLength);
      this.#keyLength = keyLength;
    }
    readEntryRest(block, at, suffixEnd, entryEnd, this);
    if (this.#sequenceOverride >= 0) {
      this.sequence = this.#sequenceOverride;
    }
    this.#entryStart = at;
    this.#entryEnd = entryEnd;
    this.valid = true;
  }

  /** Moves to the entry before offset `at` of the block, which may be the last of the block before. */
  #moveBefore(block: Block, at: number): void {
    if (at > 0) {
      this.#decodeBackwards(block, at);
      return;
    }
    this.valid = false;
    if (this.#ordinal > 0) {
      const previous = this.#enter(this.#ordinal - 1);
      this.#decodeBackwards(previous, previous.entriesEnd);
    }
  }

  /** Decodes the part of a restart interval that ends at `end`, above 0, and stands on its last entry. */
  #decodeBackwards(block: Block, end: number): void {
    let at = restartOffset(block, restartBefore(block, end));
    let count = 0;
    this.#keyLength = 0;
    this.key = "";
    while (at < end) {
      this.#decode(at);
      this.#intervalStarts[count] = at;
      this.#intervalKeys[count] = this.key;
      count += 1;
      at = this.#entryEnd;
    }
    if (at !== end) {
      this.valid = false;
      throw malformedEntry(block, at, "an interval does not end where the next begins");
    }
    this.#intervalAt = count - 1;
  }

  /** Stands on the entry of the interval at `#intervalAt`. */
  #showInterval(block: Block): void {
    const at = this.#intervalStarts[this.#intervalAt]!;
    this.key = this.#intervalKeys[this.#intervalAt]!;
    this.#entryStart = at;
    this.#entryEnd = readEntry(block, at, this);
    if (this.#sequenceOverride >= 0) {
      this.sequence = this.#sequenceOverride;
    }
  }

  #turnForwards(): void {
    this.#intervalAt = -1;
    this.#reserveKey(this.key.length, 0);
    this.#keyLength = this.#keyBytes.latin1Write(this.key, 0);
  }

  /** Makes room for a key whose first `kept` bytes are already there. */
  #reserveKey(bytes: number, kept: number): void {
    if (bytes > this.#keyBytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(bytes, this.#keyBytes.length * 2));
      this.#keyBytes.copy(larger, 0, 0, kept);
      this.#keyBytes = larger;
    }
  }
}
