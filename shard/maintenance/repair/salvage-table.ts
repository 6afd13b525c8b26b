/** Reads what can be read of a damaged table. */

import type { ByteString } from "../../../shared/bytes.js";
import { checksum } from "../../../shared/checksum.js";
import { corruption, FastKVError } from "../../../shared/errors.js";
import {
  checkFileHeader,
  decodeFileHeader,
  type FileIdentity,
  fileHeaderBytes,
} from "../../../shared/format/file-header.js";
import { type FileHandle, readWholeFile } from "../../../shared/storage/file-system.js";
import { BlockCache } from "../../engine/table/block-cache.js";
import { blockTrailerBytes, maxBlockContentBytes, unpackBlock } from "../../engine/table/block-format.js";
import { BlockIndex } from "../../engine/table/block-index.js";
import { Block } from "../../engine/table/block-reader.js";
import { type BlockLoader, BlockSource } from "../../engine/table/block-source.js";
import { ReadAhead } from "../../engine/table/read-ahead.js";
import { SkippingCursor } from "../../engine/table/skipping-cursor.js";
import type { BlockDirectory } from "../../engine/table/table-cursor.js";
import { decodeFooter, footerBytes } from "../../engine/table/table-format.js";
import { newTableStatistics } from "../../engine/table/table-statistics.js";
import type { KeyExtent } from "../../engine/table/table-verifier.js";
import { type FoundBlock, findBlocks } from "./block-search.js";
import type { FileOpener } from "./reopened-files.js";

export interface SalvagedTable {
  cursor: SkippingCursor;
  close(): void;
}

/** Called with the bytes of a table in which entries are lost. */
export type LossSink = (offset: number, message: string, keys?: KeyExtent) => void;

const windowBytes = 256 * 1024;
/** A table whose index is lost is read completely into memory; this is the largest that is. */
const maxSearchedBytes = 1024 * 1024 * 1024;

interface DamagedTable {
  handle: FileHandle;
  path: string;
  identity: FileIdentity;
  sizeBytes: number;
  /** Undefined if each entry has its own sequence number. */
  sequenceOverride: number | undefined;
  /** The range of keys that the manifest gives, if known. */
  keys: KeyExtent | undefined;
  onLoss: LossSink;
}

/** Undefined if the file belongs elsewhere, or nothing in it can be used. */
export function salvageTable(
  fileSystem: FileOpener,
  path: string,
  table: Pick<DamagedTable, "identity" | "sequenceOverride" | "keys" | "onLoss">,
): SalvagedTable | undefined {
  const handle = fileSystem.open(path, "read");
  const damaged = { ...table, handle, path, sizeBytes: handle.sizeBytes() };
  try {
    const marks = possibleMarks(damaged);
    for (const open of [openByIndex, openBySearch]) {
      for (const fileMark of marks) {
        const cursor = attempt(() => open(damaged, fileMark, fileSystem));
        if (cursor !== undefined) {
          return { cursor, close: () => handle.close() };
        }
      }
    }
  } catch (error) {
    handle.close();
    throw error;
  }
  handle.close();
  return undefined;
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof FastKVError && error.code === "FASTKV_CORRUPTION") {
      return undefined;
    }
    throw error;
  }
}

/**
 * Possible checksums of the file's header, on which all block checksums depend. In a damaged header either the stored
 * checksum or the bytes that it covers may be right. A sound header of another file offers none.
 */
function possibleMarks({ handle, path, identity }: DamagedTable): number[] {
  const target = Buffer.alloc(fileHeaderBytes);
  const bytes = target.subarray(0, handle.read(target, 0));
  if (bytes.length < fileHeaderBytes) {
    return [];
  }
  const stored = bytes.readUInt32LE(fileHeaderBytes - 4);
  if (attempt(() => decodeFileHeader(bytes, path)) !== undefined) {
    return attempt(() => checkFileHeader(bytes, path, identity)) === undefined ? [] : [stored];
  }
  return [stored, checksum(bytes.subarray(0, fileHeaderBytes - 4))];
}

function openByIndex(table: DamagedTable, fileMark: number): SkippingCursor {
  const { handle, path, sizeBytes } = table;
  const footerOffset = sizeBytes - footerBytes;
  const footer = decodeFooter(readPart(table, footerOffset, footerBytes), fileMark, path, sizeBytes);
  const { indexOffset: offset, indexBytes } = footer;
  const stored = readPart(table, offset, indexBytes + blockTrailerBytes);
  const index = new BlockIndex(unpackBlock(stored, { path, fileMark, offset }, indexBytes), path, offset);
  if (index.dataEnd !== footer.filterOffset) {
    throw corruption(path, offset, "the index does not cover the data blocks");
  }
  const cache = new BlockCache(0);
  const source = new BlockSource({
    handle,
    path,
    fileMark,
    index,
    largestBlockBytes: maxBlockContentBytes,
    cache,
    cacheId: cache.newTableId(),
    statistics: newTableStatistics(),
  });
  const loader = new ReadAhead(source, { windowBytes, useCache: false });
  return cursorOf(table, index, loader, (ordinal) => ({
    from: ordinal === 0 ? (table.keys?.from ?? "") : fence(index, ordinal),
    to: ordinal + 1 < index.blocks ? fence(index, ordinal + 1) : (table.keys?.to ?? fence(index, ordinal)),
  }));
}

function openBySearch(
  table: DamagedTable,
  fileMark: number,
  fileSystem: FileOpener,
): SkippingCursor | undefined {
  const { path, onLoss, keys } = table;
  const bytes = readWholeFile(fileSystem, path, maxSearchedBytes);
  const decode = ({ offset, storedBytes }: FoundBlock): Block => {
    const stored = bytes.subarray(offset, offset + storedBytes);
    return new Block(unpackBlock(stored, { path, fileMark, offset }, maxBlockContentBytes), path, offset);
  };
  const { blocks, end, hasEnd } = findBlocks(
    bytes,
    fileHeaderBytes,
    fileMark,
    (block) => attempt(() => decode(block)) !== undefined,
  );
  if (blocks.length === 0) {
    return undefined;
  }
  let at = fileHeaderBytes;
  for (const { offset, storedBytes } of [...blocks, { offset: end, storedBytes: 0 }]) {
    if (offset > at) {
      onLoss(at, `${offset - at} bytes in which no block can be found`, keys);
    } else if (offset === end && !hasEnd) {
      onLoss(end, "the file ends here, and what stood behind it is lost", keys);
    }
    at = offset + storedBytes;
  }
  const directory: BlockDirectory = { blocks: blocks.length, find: () => 0 };
  return cursorOf(table, directory, { load: (ordinal) => decode(blocks[ordinal]!) }, () => keys);
}

function cursorOf(
  { path, sequenceOverride, onLoss }: DamagedTable,
  directory: BlockDirectory,
  loader: BlockLoader,
  extentOf: (ordinal: number) => KeyExtent | undefined,
): SkippingCursor {
  return new SkippingCursor(path, directory, loader, sequenceOverride, ({ ordinal, error }) => {
    onLoss(error.damage?.offset ?? 0, error.damage?.what ?? error.message, extentOf(ordinal));
  });
}

function fence(index: BlockIndex, ordinal: number): ByteString {
  const bytes = index.fence(ordinal);
  return bytes.latin1Slice(0, bytes.length);
}

function readPart({ handle, path }: DamagedTable, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(Math.max(0, length));
  if (offset < 0 || handle.read(bytes, offset) !== length) {
    throw corruption(path, Math.max(0, offset), "the file ends too early");
  }
  return bytes;
}
