import { corruption, invariant } from "../../../shared/errors.js";
import type { FileHandle } from "../../../shared/storage/file-system.js";
import type { BlockCache } from "./block-cache.js";
import { blockTrailerBytes, unpackBlock } from "./block-format.js";
import type { BlockIndex } from "./block-index.js";
import { Block } from "./block-reader.js";
import type { TableStatistics } from "./table-statistics.js";

/** Where a cursor gets its blocks from. */
export interface BlockLoader {
  /** `ordinal` is the position among the table's data blocks. */
  load(ordinal: number): Block;
}

/** Blocks that nobody keeps are read into this buffer. One for the whole thread. */
const briefBytes = Buffer.allocUnsafeSlow(64 * 1024);

export interface BlockSourceParts {
  handle: FileHandle;
  path: string;
  fileMark: number;
  index: BlockIndex;
  largestBlockBytes: number;
  cache: BlockCache;
  cacheId: number;
  statistics: TableStatistics;
}

/** The data blocks of one open table, through the block cache. */
export class BlockSource implements BlockLoader {
  readonly index: BlockIndex;
  readonly path: string;
  readonly #parts: BlockSourceParts;
  readonly #cache: BlockCache;
  readonly #cacheId: number;
  readonly #statistics: TableStatistics;
  #closed = false;

  constructor(parts: BlockSourceParts) {
    this.index = parts.index;
    this.path = parts.path;
    this.#parts = parts;
    this.#cache = parts.cache;
    this.#cacheId = parts.cacheId;
    this.#statistics = parts.statistics;
  }

  /** Blocks that were returned stay valid. */
  close(): void {
    if (!this.#closed) {
      this.#closed = true;
      this.#parts.handle.close();
    }
  }

  load(ordinal: number): Block {
    return this.cached(ordinal) ?? this.readAndKeep(ordinal);
  }

  /**
   * Loads a block to read one entry from it. The block is valid until the next call for any table: one that is not
   * worth keeping takes no memory of its own.
   */
  loadBriefly(ordinal: number): Block {
    const cached = this.cached(ordinal);
    if (cached !== undefined) {
      return cached;
    }
    const length = this.index.storedBytes(ordinal) + blockTrailerBytes;
    if (length > briefBytes.length || this.isWorthKeeping(ordinal)) {
      return this.readAndKeep(ordinal);
    }
    const bytes = briefBytes.subarray(0, length);
    this.readRun(ordinal, bytes);
    return this.decode(ordinal, bytes);
  }

  /** Whether a block that was not in the cache should be kept. */
  isWorthKeeping(ordinal: number): boolean {
    return this.#cache.admits(this.#cacheId, ordinal);
  }

  /** Reads a block that is not in the cache, and adds it to the cache. */
  readAndKeep(ordinal: number): Block {
    const bytes = Buffer.allocUnsafeSlow(this.index.storedBytes(ordinal) + blockTrailerBytes);
    this.readRun(ordinal, bytes);
    const block = this.decode(ordinal, bytes);
    this.#cache.set(this.#cacheId, ordinal, block);
    return block;
  }

  cached(ordinal: number): Block | undefined {
    invariant(!this.#closed, "a closed table is not read");
    const block = this.#cache.get(this.#cacheId, ordinal);
    if (block !== undefined) {
      this.#statistics.cacheHits += 1;
    }
    return block;
  }

  /** Fills `target` from the file, starting at block `ordinal`. */
  readRun(ordinal: number, target: Buffer): void {
    invariant(!this.#closed, "a closed table is not read");
    const offset = this.index.offset(ordinal);
    if (this.#parts.handle.read(target, offset) !== target.length) {
      throw corruption(this.path, offset, "the file ends within a block");
    }
  }

  /** Checks a stored block. The result refers to `stored` if the block is not compressed. */
  decode(ordinal: number, stored: Buffer): Block {
    this.#statistics.blockReads += 1;
    const { path, fileMark, largestBlockBytes } = this.#parts;
    const offset = this.index.offset(ordinal);
    const content = unpackBlock(stored, { path, fileMark, offset }, largestBlockBytes);
    return new Block(content, path, offset);
  }
}
