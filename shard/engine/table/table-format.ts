/**
 * SSTables: immutable sorted files. FROZEN (format version 1). Little-endian.
 *
 *     file header (64 bytes, file-header.ts)
 *     data blocks        block-format.ts
 *     filter block       bloom-filter.ts, stored like every block, never compressed
 *     index block        block-index.ts, likewise
 *     properties block   below, likewise
 *     footer             64 bytes
 *
 * Nothing lies between the parts. The footer:
 *
 *     offset  size  field
 *          0     8  offset of the filter block
 *          8     4  its length without the trailer
 *         12     4  length of the index block without the trailer
 *         16     8  offset of the index block
 *         24     8  offset of the properties block
 *         32     4  its length without the trailer
 *         36     4  zero
 *         40     8  length of the file
 *         48     4  format version
 *         52     8  magic "FKVTABLE"
 *         60     4  CRC-32 of bytes 0 to 59, xor the place mark of the footer's offset (block-format.ts)
 *
 * The properties:
 *
 *     offset  size  field
 *          0     8  entries
 *          8     8  puts
 *         16     8  deletes
 *         24     8  distinct keys
 *         32     8  lowest sequence number
 *         40     8  highest sequence number
 *         48     8  earliest expiry, ms since the epoch, float64; 0 where no entry has one
 *         56     8  latest expiry, likewise
 *         64     8  bytes of all keys
 *         72     8  bytes of all values
 *         80     4  length of the largest data block when not compressed
 *         84     1  id of the codec that was asked for
 *         85     3  zero
 *         88     2  length S of the smallest key
 *         90     2  length L of the largest key
 *         92     S  smallest key
 *       92+S     L  largest key
 */

import { type ByteString, readUint64, writeUint64 } from "../../../shared/bytes.js";
import { checksum } from "../../../shared/checksum.js";
import { corruption, FastKVError } from "../../../shared/errors.js";
import { fileHeaderBytes, formatVersion } from "../../../shared/format/file-header.js";
import { blockTrailerBytes, maxBlockContentBytes, placeMark } from "./block-format.js";

export const footerBytes = 64;
const fixedPropertiesBytes = 92;
const magic = Buffer.from("FKVTABLE", "latin1");

/** What is known of a table without opening it; kept in the manifest. Plain data. */
export interface TableInfo {
  fileNumber: number;
  sizeBytes: number;
  smallest: ByteString;
  largest: ByteString;
  entries: number;
  puts: number;
  deletes: number;
  /** Distinct keys. */
  keys: number;
  minSequence: number;
  maxSequence: number;
  /** Of the entries that expire; 0 if none does. Milliseconds since the epoch. */
  minExpiresAt: number;
  maxExpiresAt: number;
  /** Bytes of all keys and values before any compression. */
  rawBytes: number;
}

/** What a table says about itself. */
export interface TableProperties extends Omit<TableInfo, "fileNumber" | "sizeBytes" | "rawBytes"> {
  rawKeyBytes: number;
  rawValueBytes: number;
  largestBlockBytes: number;
  codecId: number;
}

export function toTableInfo(properties: TableProperties, fileNumber: number, sizeBytes: number): TableInfo {
  return {
    fileNumber,
    sizeBytes,
    smallest: properties.smallest,
    largest: properties.largest,
    entries: properties.entries,
    puts: properties.puts,
    deletes: properties.deletes,
    keys: properties.keys,
    minSequence: properties.minSequence,
    maxSequence: properties.maxSequence,
    minExpiresAt: properties.minExpiresAt,
    maxExpiresAt: properties.maxExpiresAt,
    rawBytes: properties.rawKeyBytes + properties.rawValueBytes,
  };
}

export function encodeProperties(properties: TableProperties): Buffer {
  const { smallest, largest } = properties;
  const bytes = Buffer.alloc(fixedPropertiesBytes + smallest.length + largest.length);
  writeUint64(bytes, properties.entries, 0);
  writeUint64(bytes, properties.puts, 8);
  writeUint64(bytes, properties.deletes, 16);
  writeUint64(bytes, properties.keys, 24);
  writeUint64(bytes, properties.minSequence, 32);
  writeUint64(bytes, properties.maxSequence, 40);
  bytes.writeDoubleLE(properties.minExpiresAt, 48);
  bytes.writeDoubleLE(properties.maxExpiresAt, 56);
  writeUint64(bytes, properties.rawKeyBytes, 64);
  writeUint64(bytes, properties.rawValueBytes, 72);
  bytes.writeUInt32LE(properties.largestBlockBytes, 80);
  bytes[84] = properties.codecId;
  bytes.writeUInt16LE(smallest.length, 88);
  bytes.writeUInt16LE(largest.length, 90);
  bytes.latin1Write(smallest, fixedPropertiesBytes);
  bytes.latin1Write(largest, fixedPropertiesBytes + smallest.length);
  return bytes;
}

export function decodeProperties(bytes: Buffer, path: string, offset: number): TableProperties {
  if (bytes.length < fixedPropertiesBytes) {
    throw corruption(path, offset, "a table's properties are cut short");
  }
  const largestAt = fixedPropertiesBytes + bytes.readUInt16LE(88);
  const end = largestAt + bytes.readUInt16LE(90);
  if (end !== bytes.length) {
    throw corruption(path, offset, "the lengths in a table's properties disagree");
  }
  const properties: TableProperties = {
    entries: readUint64(bytes, 0),
    puts: readUint64(bytes, 8),
    deletes: readUint64(bytes, 16),
    keys: readUint64(bytes, 24),
    minSequence: readUint64(bytes, 32),
    maxSequence: readUint64(bytes, 40),
    minExpiresAt: bytes.readDoubleLE(48),
    maxExpiresAt: bytes.readDoubleLE(56),
    rawKeyBytes: readUint64(bytes, 64),
    rawValueBytes: readUint64(bytes, 72),
    largestBlockBytes: bytes.readUInt32LE(80),
    codecId: bytes[84]!,
    smallest: bytes.latin1Slice(fixedPropertiesBytes, largestAt),
    largest: bytes.latin1Slice(largestAt, end),
  };
  if (!isPlausible(properties)) {
    throw corruption(path, offset, "impossible properties of a table");
  }
  return properties;
}

function isPlausible(properties: TableProperties): boolean {
  const { entries, puts, deletes, keys, minSequence, maxSequence, minExpiresAt, maxExpiresAt } = properties;
  return (
    entries >= 1 &&
    puts + deletes === entries &&
    keys >= 1 &&
    keys <= entries &&
    minSequence <= maxSequence &&
    minExpiresAt >= 0 &&
    minExpiresAt <= maxExpiresAt &&
    properties.rawKeyBytes >= 0 &&
    properties.rawValueBytes >= 0 &&
    properties.largestBlockBytes <= maxBlockContentBytes &&
    properties.smallest <= properties.largest
  );
}

export interface Footer {
  filterOffset: number;
  /** Lengths do not include the trailer. */
  filterBytes: number;
  indexOffset: number;
  indexBytes: number;
  propertiesOffset: number;
  propertiesBytes: number;
  /** Length of the file, footer included. */
  fileBytes: number;
}

export function encodeFooter(footer: Footer, fileMark: number): Buffer {
  const bytes = Buffer.alloc(footerBytes);
  writeUint64(bytes, footer.filterOffset, 0);
  bytes.writeUInt32LE(footer.filterBytes, 8);
  bytes.writeUInt32LE(footer.indexBytes, 12);
  writeUint64(bytes, footer.indexOffset, 16);
  writeUint64(bytes, footer.propertiesOffset, 24);
  bytes.writeUInt32LE(footer.propertiesBytes, 32);
  writeUint64(bytes, footer.fileBytes, 40);
  bytes.writeUInt32LE(formatVersion, 48);
  magic.copy(bytes, 52);
  bytes.writeUInt32LE(footerChecksum(bytes, fileMark, footer.fileBytes - footerBytes), 60);
  return bytes;
}

function footerChecksum(bytes: Buffer, fileMark: number, offset: number): number {
  return (checksum(bytes.subarray(0, 60)) ^ placeMark(fileMark, offset)) >>> 0;
}

/** `fileBytes` is the actual length of the file: a file that was cut short or extended is rejected here. */
export function decodeFooter(bytes: Buffer, fileMark: number, path: string, fileBytes: number): Footer {
  const offset = fileBytes - footerBytes;
  if (bytes.length !== footerBytes || !bytes.subarray(52, 60).equals(magic)) {
    throw corruption(path, offset, "the file does not end with a table's footer");
  }
  if (bytes.readUInt32LE(60) !== footerChecksum(bytes, fileMark, offset)) {
    throw corruption(path, offset, "wrong checksum of the footer");
  }
  const version = bytes.readUInt32LE(48);
  if (version !== formatVersion) {
    throw new FastKVError(
      "FASTKV_UNSUPPORTED_FORMAT",
      `${path} is a table of version ${version}; this FastKV reads version ${formatVersion}. Install a newer fastkv.`,
    );
  }
  const footer: Footer = {
    filterOffset: readUint64(bytes, 0),
    filterBytes: bytes.readUInt32LE(8),
    indexBytes: bytes.readUInt32LE(12),
    indexOffset: readUint64(bytes, 16),
    propertiesOffset: readUint64(bytes, 24),
    propertiesBytes: bytes.readUInt32LE(32),
    fileBytes: readUint64(bytes, 40),
  };
  const isGapless =
    footer.fileBytes === fileBytes &&
    footer.filterOffset >= fileHeaderBytes &&
    footer.filterOffset + footer.filterBytes + blockTrailerBytes === footer.indexOffset &&
    footer.indexOffset + footer.indexBytes + blockTrailerBytes === footer.propertiesOffset &&
    footer.propertiesOffset + footer.propertiesBytes + blockTrailerBytes === offset;
  if (!isGapless) {
    throw corruption(path, offset, "the parts of a table do not fill it");
  }
  return footer;
}
