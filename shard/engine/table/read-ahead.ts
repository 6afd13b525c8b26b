import { blockTrailerBytes } from "./block-format.js";
import { Block } from "./block-reader.js";
import type { BlockLoader, BlockSource } from "./block-source.js";

export interface ReadAheadOptions {
  /** The most that is read in one call, if blocks are asked for one after the other; 0 reads each by itself. */
  windowBytes: number;
  /** Whether blocks are taken from the block cache. */
  useCache: boolean;
  /** Whether blocks that were read are put into the block cache. */
  fillCache: boolean;
}

const firstWindowBytes = 16 * 1024;

/**
 * Reads adjacent blocks in one call. The window doubles as long as blocks are asked for in order, so that a short
 * scan does not read much more than it needs. What it lends is valid until the next call.
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
      this.#read(ordinal, isSequential);
    }
    const { index } = this.#source;
    const start = index.offset(ordinal) - index.offset(this.#first);
    const length = index.storedBytes(ordinal) + blockTrailerBytes;
    const block = this.#source.decode(ordinal, this.#buffer.subarray(start, start + length));
    if (!this.#options.fillCache) {
      return block;
    }
    const own = block.buffer.buffer === this.#buffer.buffer ? copyOf(block) : block;
    this.#source.keep(ordinal, own);
    return own;
  }

  #read(ordinal: number, isSequential: boolean): void {
    const limit = this.#options.windowBytes;
    this.#windowBytes = isSequential ? Math.min(limit, Math.max(firstWindowBytes, this.#windowBytes * 2)) : 0;
    const { index } = this.#source;
    let end = ordinal + 1;
    let bytes = index.storedBytes(ordinal) + blockTrailerBytes;
    while (end < index.blocks) {
      const more = index.storedBytes(end) + blockTrailerBytes;
      if (bytes + more > this.#windowBytes) {
        break;
      }
      bytes += more;
      end += 1;
    }
    this.#end = this.#first;
    if (this.#buffer.length < bytes || this.#buffer.length > 2 * Math.max(bytes, limit, firstWindowBytes)) {
      this.#buffer = Buffer.allocUnsafeSlow(bytes);
    }
    this.#source.readRun(ordinal, this.#buffer.subarray(0, bytes));
    this.#first = ordinal;
    this.#end = end;
  }
}

function copyOf(block: Block): Block {
  const content = Buffer.allocUnsafeSlow(block.buffer.length);
  block.buffer.copy(content);
  return new Block(content, block.path, block.fileOffset);
}
