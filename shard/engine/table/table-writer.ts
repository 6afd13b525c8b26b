import { type ByteString, byteStringOf } from "../../../shared/bytes.js";
import { invariant } from "../../../shared/errors.js";
import {
  encodeFileHeader,
  type FileHeader,
  fileHeaderBytes,
  fileKind,
} from "../../../shared/format/file-header.js";
import { maxKeyBytes, maxValueBytesCeiling } from "../../../shared/limits.js";
import type { FileHandle, FileSystem } from "../../../shared/storage/file-system.js";
import { type EntryKind, entryKind } from "../iterator/cursor.js";
import { BlockBuilder } from "./block-builder.js";
import {
  blockTrailerBytes,
  maxEntryOverheadBytes,
  packBlock,
  type StoredBlock,
  writeStoredBlock,
} from "./block-format.js";
import { BlockIndexBuilder } from "./block-index.js";
import { BloomFilterBuilder } from "./bloom-filter.js";
import { type CodecName, checkCodecAvailable, codecId } from "./compression.js";
import {
  encodeFooter,
  encodeProperties,
  footerBytes,
  type TableInfo,
  type TableProperties,
  toTableInfo,
} from "./table-format.js";

export interface TableWriterOptions {
  /** A data block is ended before it would grow larger. @default 4096 */
  blockBytes?: number;
  /** @default "none" */
  codec?: CodecName;
  /** Bits per key of the bloom filter; 0 makes no filter. @default 10 */
  bitsPerKey?: number;
}

const defaultBlockBytes = 4096;
const maxBlockBytes = 1024 * 1024;
const defaultBitsPerKey = 10;
const maxBitsPerKey = 40;
const writeBytes = 256 * 1024;

/**
 * Writes one table from entries that come in order: by key, and for one key the highest sequence number first. `finish`
 * leaves the file complete, synced and closed. The caller syncs the folder, and renames the file if it was written
 * under a temporary name. After `add` or `finish` has thrown, only `abandon` may follow.
 */
export class TableWriter {
  readonly path: string;
  readonly #fileSystem: FileSystem;
  readonly #fileNumber: number;
  readonly #fileMark: number;
  readonly #blockBytes: number;
  readonly #codec: CodecName;
  readonly #builder: BlockBuilder;
  readonly #index = new BlockIndexBuilder();
  readonly #filter: BloomFilterBuilder;
  #handle: FileHandle | undefined;
  #state: "open" | "finished" | "failed" = "open";

  /** Bytes that are not written yet; their place in the file is at `writtenBytes`. */
  readonly #pending = Buffer.allocUnsafeSlow(writeBytes);
  #pendingBytes = 0;
  #writtenBytes = 0;

  #lastKey = Buffer.allocUnsafeSlow(256);
  #lastKeyBytes = 0;
  #lastSequence = 0;
  readonly #properties: TableProperties = {
    entries: 0,
    puts: 0,
    deletes: 0,
    keys: 0,
    minSequence: Number.MAX_SAFE_INTEGER,
    maxSequence: 0,
    minExpiresAt: 0,
    maxExpiresAt: 0,
    rawKeyBytes: 0,
    rawValueBytes: 0,
    largestBlockBytes: 0,
    codecId: 0,
    smallest: "",
    largest: "",
  };

  /** Throws `FASTKV_UNSUPPORTED_FORMAT` if the codec is not available; then no file is created. */
  constructor(fileSystem: FileSystem, path: string, header: FileHeader, options: TableWriterOptions = {}) {
    const { blockBytes = defaultBlockBytes, codec = "none", bitsPerKey = defaultBitsPerKey } = options;
    invariant(header.kind === fileKind.table, "a table's file header says that it is a table");
    invariant(blockBytes >= 1 && blockBytes <= maxBlockBytes, "a table's blocks have 1 byte to 1 MiB");
    invariant(bitsPerKey >= 0 && bitsPerKey <= maxBitsPerKey, "a bloom filter has 0 to 40 bits a key");
    checkCodecAvailable(codec);
    this.path = path;
    this.#fileSystem = fileSystem;
    this.#fileNumber = header.fileNumber;
    this.#blockBytes = blockBytes;
    this.#codec = codec;
    this.#properties.codecId = codecId[codec];
    this.#builder = new BlockBuilder(blockBytes);
    this.#filter = new BloomFilterBuilder(bitsPerKey);
    const headerBytes = encodeFileHeader(header);
    this.#fileMark = headerBytes.readUInt32LE(fileHeaderBytes - 4);
    this.#handle = fileSystem.create(path);
    this.#append(headerBytes);
  }

  /** Approximate size of the file if it were finished now. */
  get estimatedBytes(): number {
    const fixedBytes = 4 * blockTrailerBytes + footerBytes + 92 + 2 * this.#lastKeyBytes;
    return (
      this.#offset +
      this.#builder.contentBytes +
      this.#filter.contentBytes +
      this.#index.contentBytes +
      fixedBytes
    );
  }

  /** The value is `valueBuffer[valueStart..valueEnd)` and is copied. `expiresAt` 0 means never. */
  add(
    key: ByteString,
    sequence: number,
    kind: EntryKind,
    tag: number,
    expiresAt: number,
    valueBuffer: Buffer,
    valueStart: number,
    valueEnd: number,
  ): void {
    invariant(this.#state === "open", "entries are added to a table that is being written");
    this.#state = "failed";
    const keyBytes = key.length;
    const valueBytes = valueEnd - valueStart;
    invariant(keyBytes <= maxKeyBytes && valueBytes <= maxValueBytesCeiling, "keys and values have limits");
    const isFirst = this.#properties.entries === 0;
    const common = isFirst ? 0 : this.#commonWithLast(key, keyBytes);
    const isNewKey = isFirst || common < keyBytes || keyBytes < this.#lastKeyBytes;
    invariant(isNewKey || sequence < this.#lastSequence, "versions of a key come newest first");
    this.#takeKey(key, keyBytes, common);

    const builder = this.#builder;
    const grownBytes = builder.contentBytes + keyBytes - common + valueBytes + maxEntryOverheadBytes;
    if (builder.entries > 0 && grownBytes > this.#blockBytes) {
      this.#endBlock();
    }
    if (builder.entries === 0) {
      const fenceBytes = isFirst ? 0 : isNewKey ? common + 1 : keyBytes;
      this.#index.begin(this.#lastKey, fenceBytes, !isNewKey);
    }
    builder.add(
      this.#lastKey,
      keyBytes,
      common,
      sequence,
      kind,
      tag,
      expiresAt,
      valueBuffer,
      valueStart,
      valueEnd,
    );
    this.#lastSequence = sequence;
    if (isNewKey) {
      this.#filter.add(this.#lastKey, 0, keyBytes);
    }
    this.#count(keyBytes, valueBytes, sequence, kind, expiresAt, isNewKey);
    if (isFirst) {
      this.#properties.smallest = key;
    }
    this.#state = "open";
  }

  /** Writes what is left, syncs the file and closes it. A table has at least one entry. */
  finish(): TableInfo {
    invariant(this.#state === "open", "a table is finished once");
    this.#state = "failed";
    const properties = this.#properties;
    invariant(properties.entries > 0, "a table has at least one entry");
    this.#endBlock();
    properties.largest = byteStringOf(this.#lastKey.subarray(0, this.#lastKeyBytes));
    const filterOffset = this.#offset;
    const filter = this.#filter.finish();
    this.#appendBlock(packBlock(filter, "none"));
    const indexOffset = this.#offset;
    const index = this.#index.finish();
    this.#appendBlock(packBlock(index, "none"));
    const propertiesOffset = this.#offset;
    const propertiesContent = encodeProperties(properties);
    this.#appendBlock(packBlock(propertiesContent, "none"));
    const fileBytes = this.#offset + footerBytes;
    const footer = {
      filterOffset,
      filterBytes: filter.length,
      indexOffset,
      indexBytes: index.length,
      propertiesOffset,
      propertiesBytes: propertiesContent.length,
      fileBytes,
    };
    this.#append(encodeFooter(footer, this.#fileMark));
    this.#flush();
    this.#handle!.sync();
    this.#closeHandle();
    this.#state = "finished";
    return toTableInfo(properties, this.#fileNumber, fileBytes);
  }

  /** Closes and removes the file. Does nothing if the table is finished. */
  abandon(): void {
    if (this.#state === "finished") {
      return;
    }
    this.#state = "failed";
    try {
      this.#closeHandle();
    } finally {
      this.#fileSystem.remove(this.path);
    }
  }

  get #offset(): number {
    return this.#writtenBytes + this.#pendingBytes;
  }

  /** Returns how many bytes the key shares with the last one; checks that it does not come before it. */
  #commonWithLast(key: ByteString, keyBytes: number): number {
    const last = this.#lastKey;
    const lastBytes = this.#lastKeyBytes;
    const limit = Math.min(keyBytes, lastBytes);
    let common = 0;
    while (common < limit && last[common] === key.charCodeAt(common)) {
      common += 1;
    }
    const isInOrder = common === lastBytes || (common < keyBytes && key.charCodeAt(common) > last[common]!);
    invariant(isInOrder, "keys come in order");
    return common;
  }

  #takeKey(key: ByteString, keyBytes: number, common: number): void {
    if (keyBytes > this.#lastKey.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(keyBytes, this.#lastKey.length * 2));
      this.#lastKey.copy(larger, 0, 0, common);
      this.#lastKey = larger;
    }
    const last = this.#lastKey;
    for (let at = common; at < keyBytes; at += 1) {
      last[at] = key.charCodeAt(at);
    }
    this.#lastKeyBytes = keyBytes;
  }

  #count(
    keyBytes: number,
    valueBytes: number,
    sequence: number,
    kind: EntryKind,
    expiresAt: number,
    isNewKey: boolean,
  ): void {
    const properties = this.#properties;
    properties.entries += 1;
    if (kind === entryKind.put) {
      properties.puts += 1;
    } else {
      properties.deletes += 1;
    }
    if (isNewKey) {
      properties.keys += 1;
    }
    properties.rawKeyBytes += keyBytes;
    properties.rawValueBytes += valueBytes;
    if (sequence < properties.minSequence) {
      properties.minSequence = sequence;
    }
    if (sequence > properties.maxSequence) {
      properties.maxSequence = sequence;
    }
    if (expiresAt !== 0) {
      const { minExpiresAt, maxExpiresAt } = properties;
      properties.minExpiresAt = minExpiresAt === 0 ? expiresAt : Math.min(minExpiresAt, expiresAt);
      properties.maxExpiresAt = Math.max(maxExpiresAt, expiresAt);
    }
  }

  #endBlock(): void {
    const content = this.#builder.finish();
    const block = packBlock(content, this.#codec);
    if (content.length > this.#properties.largestBlockBytes) {
      this.#properties.largestBlockBytes = content.length;
    }
    this.#appendBlock(block);
    this.#index.end(block.bytes.length);
    this.#builder.reset();
  }

  #appendBlock(block: StoredBlock): void {
    const storedBytes = block.bytes.length + blockTrailerBytes;
    if (this.#pendingBytes + storedBytes > writeBytes) {
      this.#flush();
    }
    if (storedBytes <= writeBytes) {
      writeStoredBlock(this.#pending, this.#pendingBytes, block, this.#fileMark, this.#offset);
      this.#pendingBytes += storedBytes;
      return;
    }
    const own = Buffer.allocUnsafeSlow(storedBytes);
    writeStoredBlock(own, 0, block, this.#fileMark, this.#offset);
    this.#handle!.write(own, this.#writtenBytes);
    this.#writtenBytes += storedBytes;
  }

  #append(bytes: Buffer): void {
    if (this.#pendingBytes + bytes.length > writeBytes) {
      this.#flush();
    }
    bytes.copy(this.#pending, this.#pendingBytes);
    this.#pendingBytes += bytes.length;
  }

  #flush(): void {
    this.#handle!.write(this.#pending.subarray(0, this.#pendingBytes), this.#writtenBytes);
    this.#writtenBytes += this.#pendingBytes;
    this.#pendingBytes = 0;
  }

  #closeHandle(): void {
    const handle = this.#handle;
    this.#handle = undefined;
    handle?.close();
  }
}
