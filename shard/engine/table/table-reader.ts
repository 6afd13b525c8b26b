import type { ByteString } from "../../../shared/bytes.js";
import { corruption } from "../../../shared/errors.js";
import { checkFileHeader, type FileIdentity, fileHeaderBytes } from "../../../shared/format/file-header.js";
import type { FileHandle, FileSystem } from "../../../shared/storage/file-system.js";
import type { Cursor, Entry } from "../iterator/cursor.js";
import type { BlockCache } from "./block-cache.js";
import { blockTrailerBytes, unpackBlock } from "./block-format.js";
import { BlockIndex } from "./block-index.js";
import { type Block, isSameKey, readEntry, searchBlock } from "./block-reader.js";
import { type BlockLoader, BlockSource } from "./block-source.js";
import { BloomFilter } from "./bloom-filter.js";
import { ReadAhead } from "./read-ahead.js";
import type { ScratchBuffers } from "./scratch-buffers.js";
import { searchBytes, setSearchKey } from "./search-key.js";
import { TableCursor } from "./table-cursor.js";
import {
  decodeFooter,
  decodeProperties,
  footerBytes,
  type TableInfo,
  type TableProperties,
  toTableInfo,
} from "./table-format.js";
import { newTableStatistics, type TableStatistics } from "./table-statistics.js";
import { checkTable, type TableVisitor, verifyTable } from "./table-verifier.js";

export interface TableReaderOptions {
  /** The sequence number of all entries of a bulk-loaded table, which stores 0 for each of them. */
  sequenceOverride?: number | undefined;
  /** Counts the reader's work; by default an object of its own. */
  statistics?: TableStatistics;
  /** The number under which the table's blocks are in the cache; by default a new number of the cache. */
  cacheId?: number;
}

export interface TableCursorOptions {
  /**
   * Reads up to this many bytes of adjacent blocks in one call while moving forwards, and keeps few or none of them in
   * the block cache. By default blocks are read one by one and kept.
   */
  readAheadBytes?: number;
  /**
   * For a page of a scan: about how many bytes will be read, the key before which the page ends, if any, and the memory
   * into which blocks are read.
   */
  page?: { bytes: number; upper: ByteString | null; buffers: ScratchBuffers };
}

/**
 * An open table. Its index, filter and properties are in memory; data blocks come through the block cache. Damage is
 * `FASTKV_CORRUPTION` with the path and the offset, wherever it is found.
 */
export class TableReader {
  readonly info: TableInfo;
  readonly cacheId: number;
  readonly statistics: TableStatistics;
  /** Memory held by the index and the filter. */
  readonly memoryBytes: number;
  readonly #source: BlockSource;
  readonly #index: BlockIndex;
  readonly #filter: BloomFilter | undefined;
  readonly #properties: TableProperties;
  /** -1 if each entry has its own sequence number. */
  readonly #sequenceOverride: number;

  private constructor(parts: {
    info: TableInfo;
    cacheId: number;
    statistics: TableStatistics;
    memoryBytes: number;
    source: BlockSource;
    filter: BloomFilter | undefined;
    properties: TableProperties;
    sequenceOverride: number | undefined;
  }) {
    this.info = parts.info;
    this.cacheId = parts.cacheId;
    this.statistics = parts.statistics;
    this.memoryBytes = parts.memoryBytes;
    this.#source = parts.source;
    this.#index = parts.source.index;
    this.#filter = parts.filter;
    this.#properties = parts.properties;
    this.#sequenceOverride = parts.sequenceOverride ?? -1;
  }

  /** Reads and checks everything but the data blocks. A missing file is `FASTKV_IO`, as from any open. */
  static open(
    fileSystem: FileSystem,
    path: string,
    identity: FileIdentity,
    cache: BlockCache,
    options: TableReaderOptions = {},
  ): TableReader {
    const handle = fileSystem.open(path, "read");
    try {
      return TableReader.#openHandle(handle, path, identity, cache, options);
    } catch (error) {
      handle.close();
      throw error;
    }
  }

  static #openHandle(
    handle: FileHandle,
    path: string,
    identity: FileIdentity,
    cache: BlockCache,
    options: TableReaderOptions,
  ): TableReader {
    const { sequenceOverride, statistics = newTableStatistics(), cacheId = cache.newTableId() } = options;
    const fileBytes = handle.sizeBytes();
    const headerBytes = readPart(handle, path, 0, Math.min(fileHeaderBytes, fileBytes));
    checkFileHeader(headerBytes, path, identity);
    const fileMark = headerBytes.readUInt32LE(fileHeaderBytes - 4);
    if (fileBytes < fileHeaderBytes + footerBytes) {
      throw corruption(path, fileBytes, "the file ends before its footer");
    }
    const footerOffset = fileBytes - footerBytes;
    const footer = decodeFooter(readPart(handle, path, footerOffset, footerBytes), fileMark, path, fileBytes);
    const { filterOffset, indexOffset, propertiesOffset } = footer;
    const parts = readPart(handle, path, filterOffset, footerOffset - filterOffset);
    const unpack = (offset: number, contentBytes: number): Buffer => {
      const start = offset - filterOffset;
      const stored = parts.subarray(start, start + contentBytes + blockTrailerBytes);
      return unpackBlock(stored, { path, fileMark, offset }, contentBytes);
    };
    const properties = decodeProperties(
      unpack(propertiesOffset, footer.propertiesBytes),
      path,
      propertiesOffset,
    );
    const index = new BlockIndex(unpack(indexOffset, footer.indexBytes), path, indexOffset);
    if (index.dataEnd !== filterOffset) {
      throw corruption(path, indexOffset, "the index does not cover the data blocks");
    }
    if (sequenceOverride !== undefined && properties.maxSequence !== 0) {
      throw corruption(path, propertiesOffset, "a loaded table has sequence numbers of its own");
    }
    const filter = BloomFilter.decode(unpack(filterOffset, footer.filterBytes), path, filterOffset);
    const { largestBlockBytes } = properties;
    const source = new BlockSource({
      handle,
      path,
      fileMark,
      index,
      largestBlockBytes,
      cache,
      cacheId,
      statistics,
    });
    const info = toTableInfo(properties, identity.fileNumber, fileBytes);
    if (sequenceOverride !== undefined) {
      info.minSequence = sequenceOverride;
      info.maxSequence = sequenceOverride;
    }
    const memoryBytes = parts.length + index.blocks * 24;
    return new TableReader({
      info,
      cacheId,
      statistics,
      memoryBytes,
      source,
      filter,
      properties,
      sequenceOverride,
    });
  }

  /**
   * Finds the newest version of a key whose sequence number is at most `maxSequence`, and fills `into`. If it returns
   * false, the content of `into` means nothing. The value is only lent, until the next call for any table.
   */
  get(key: ByteString, maxSequence: number, into: Entry): boolean {
    if (this.#sequenceOverride > maxSequence) {
      return false;
    }
    const { statistics } = this;
    const keyBytes = setSearchKey(key);
    const filter = this.#filter;
    if (filter !== undefined) {
      statistics.filterChecks += 1;
      if (!filter.mayContain(searchBytes, 0, keyBytes)) {
        statistics.filterNegatives += 1;
        return false;
      }
    }
    const ordinal = this.#index.find(searchBytes, keyBytes);
    const block = this.#source.loadBriefly(ordinal);
    const at = searchBlock(block, searchBytes, keyBytes);
    if (at < 0) {
      if (filter !== undefined) {
        statistics.filterFalsePositives += 1;
      }
      return false;
    }
    return this.#findVersion(ordinal, block, at, keyBytes, maxSequence, into);
  }

  cursor(options: TableCursorOptions = {}): Cursor {
    const override = this.#sequenceOverride;
    return new TableCursor(this.#index, this.#loader(options), override < 0 ? undefined : override);
  }

  #loader({ readAheadBytes: windowBytes, page }: TableCursorOptions): BlockLoader {
    if (windowBytes === undefined) {
      return this.#source;
    }
    if (page === undefined) {
      return new ReadAhead(this.#source, { windowBytes, useCache: true });
    }
    const { bytes, upper, buffers } = page;
    const lastOrdinal =
      upper === null ? this.#index.blocks - 1 : this.#index.find(searchBytes, setSearchKey(upper));
    const wanted = { bytes, lastOrdinal, buffers };
    return new ReadAhead(this.#source, { windowBytes, useCache: true, wanted });
  }

  /** Reads the whole table from its file and checks it against itself; see `verifyTable`. */
  verify(): void {
    verifyTable(this.#source, this.#filter, this.#properties);
  }

  /** Like `verify`, but reports every damage and every entry that can be read. */
  check(visitor: TableVisitor): void {
    const override = this.#sequenceOverride;
    checkTable(this.#source, this.#filter, this.#properties, override < 0 ? undefined : override, visitor);
  }

  /** Values that were lent stay valid; cursors may no longer be moved. */
  close(): void {
    this.#source.close();
  }

  /** Starts at the newest version of the key, which is at `firstAt`, and goes on to the first that may be seen. */
  #findVersion(
    firstOrdinal: number,
    firstBlock: Block,
    firstAt: number,
    keyBytes: number,
    maxSequence: number,
    into: Entry,
  ): boolean {
    let ordinal = firstOrdinal;
    let block = firstBlock;
    let at = firstAt;
    for (;;) {
      const entryEnd = readEntry(block, at, into);
      if (this.#sequenceOverride >= 0) {
        into.sequence = this.#sequenceOverride;
      }
      if (into.sequence <= maxSequence) {
        return true;
      }
      at = entryEnd;
      if (at === block.entriesEnd) {
        ordinal += 1;
        if (ordinal === this.#index.blocks || !this.#index.continues(ordinal)) {
          return false;
        }
        block = this.#source.loadBriefly(ordinal);
        at = 0;
      }
      if (!isSameKey(block, at, searchBytes, keyBytes)) {
        return false;
      }
    }
  }
}

function readPart(handle: FileHandle, path: string, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(length);
  if (handle.read(bytes, offset) !== length) {
    throw corruption(path, offset, "the file ends too early");
  }
  return bytes;
}
