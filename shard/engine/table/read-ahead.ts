import { blockTrailerBytes } from "./block-format.js";
import type { Block } from "./block-reader.js";
import type { BlockLoader, BlockSource } from "./block-source.js";
import type { ScratchBuffers } from "./scratch-buffers.js";

export interface ReadAheadOptions {
  /** The most bytes that are read in one call, if blocks are loaded in order; 0 reads each block separately. */
  windowBytes: number;
  /** Whether blocks are taken from the block cache. */
  useCache: boolean;
  /** What the reader is known to need. If absent, the first block is read alone. */
  wanted?: {
    /** Bytes after the first block. */
    bytes: number;
    /** The last block that may be needed. */
    lastOrdinal: number;
    /** Memory into which the blocks are read. */
    buffers: ScratchBuffers;
  };
}

const firstWindowBytes = 16 * 1024;
/** If fewer blocks than this are needed together, they are read one by one and kept if they are worth it. */
const leastRunBlocks = 4;

/**
 * Reads adjacent blocks in one call, without adding them to the block cache. The window doubles as long as blocks
 * are loaded in order, so that a short scan does not read much more than it needs. A block is valid until the next
 * call.
 */
export class ReadAhead implements BlockLoader {
  readonly #source: BlockSource;
  readonly #options: ReadAheadOptions;
  /** Holds the blocks `[first, end)`. */
  #buffer = Buffer.alloc(0);
  #first = 0;
  #end = 0;
  #windowBytes = 0;
  #previous = -2;

  constructor(source: BlockSource, options: ReadAheadOptions) {
    this.#source = source;
    this.#options = options;
  }

  load(ordinal: number): Block {
    const isSequential = ordinal === this.#previous + 1;
    this.#previous = ordinal;
    if (ordinal < this.#first || ordinal >= this.#end) {
      const cached = this.#options.useCache ? this.#source.cached(ordinal) : undefined;
      if (cached !== undefined) {
        return cached;
      }
      this.#moveWindow(isSequential);
      const end = this.#endOfRun(ordinal);
      const isShort = this.#options.wanted !== undefined && end - ordinal < leastRunBlocks;
      if (isShort && this.#source.isWorthKeeping(ordinal)) {
        return this.#source.readAndKeep(ordinal);
      }
      this.#read(ordinal, end);
    }
    const { index } = this.#source;
    const start = index.offset(ordinal) - index.offset(this.#first);
    const length = index.storedBytes(ordinal) + blockTrailerBytes;
    return this.#source.decode(ordinal, this.#buffer.subarray(start, start + length));
  }

  #moveWindow(isSequential: boolean): void {
    const { windowBytes: limit, wanted } = this.#options;
    if (!isSequential) {
      this.#windowBytes = Math.min(limit, wanted?.bytes ?? 0);
    } else if (wanted === undefined || wanted.bytes >= limit) {
      this.#windowBytes = Math.min(limit, Math.max(firstWindowBytes, this.#windowBytes * 2));
    } else {
      // Most of what is needed has been read: little is missing.
      this.#windowBytes = Math.min(limit, firstWindowBytes);
    }
  }

  /** The end of the run: the block after the last one that fits into the window after the first. */
  #endOfRun(ordinal: number): number {
    const { index } = this.#source;
    const most = Math.min(index.blocks, (this.#options.wanted?.lastOrdinal ?? index.blocks) + 1);
    let end = ordinal + 1;
    let bytes = 0;
    while (end < most) {
      bytes += index.storedBytes(end) + blockTrailerBytes;
      if (bytes > this.#windowBytes) {
        break;
      }
      end += 1;
    }
    return end;
  }

  #read(ordinal: number, end: number): void {
    const { index } = this.#source;
    const limit = this.#options.windowBytes;
    const last = end - 1;
    const bytes = index.offset(last) + index.storedBytes(last) + blockTrailerBytes - index.offset(ordinal);
    this.#end = this.#first;
    if (this.#buffer.length < bytes || this.#buffer.length > 2 * Math.max(bytes, limit, firstWindowBytes)) {
      const { wanted } = this.#options;
      this.#buffer = wanted === undefined ? Buffer.allocUnsafeSlow(bytes) : wanted.buffers.take(bytes);
    }
    this.#source.readRun(ordinal, this.#buffer.subarray(0, bytes));
    this.#first = ordinal;
    this.#end = end;
  }
}
