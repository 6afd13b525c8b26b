/**
 * The first 64 bytes of every file of a database. FROZEN. Little-endian.
 *
 *     offset  size  field
 *          0     8  magic "FASTKV\r\n" (a transfer that changes line ends breaks it)
 *          8     4  format version of this kind of file
 *         12     4  kind (see `fileKind`)
 *         16    16  database id, random, the same in every file of a database
 *         32     4  shard index; 0xffffffff in the coordinator's files
 *         36     4  owner epoch in which the file was created
 *         40     8  file number
 *         48     8  WAL segments created while the shard ran: the number of the manifest that names them; else zero
 *         56     4  zero
 *         60     4  CRC-32 of bytes 0 to 59
 *
 * A file in the place of another (of another database, another shard, or with another number) is refused.
 */

import { readUint64, writeUint64 } from "../bytes.js";
import { checksum } from "../checksum.js";
import { corruption, FastKVError } from "../errors.js";

export const fileHeaderBytes = 64;

/** FROZEN. */
export const fileKind = {
  identity: 1,
  batchLog: 2,
  wal: 3,
  table: 4,
  manifest: 5,
  current: 6,
  load: 7,
} as const;
export type FileKind = (typeof fileKind)[keyof typeof fileKind];

/** FROZEN: incremented when a kind of file changes its format. */
export const formatVersion = 1;

/** The shard index of files that belong to the coordinator. */
export const coordinatorIndex = 0xffff_ffff;

const magic = Buffer.from("FASTKV\r\n", "latin1");

export interface FileIdentity {
  kind: FileKind;
  /** 16 bytes. */
  databaseId: Uint8Array;
  shardIndex: number;
  fileNumber: number;
}

export interface FileHeader extends FileIdentity {
  epoch: number;
  /** Absent if zero. */
  manifestNumber?: number;
}

export function encodeFileHeader(header: FileHeader): Buffer {
  const bytes = Buffer.alloc(fileHeaderBytes);
  magic.copy(bytes, 0);
  bytes.writeUInt32LE(formatVersion, 8);
  bytes.writeUInt32LE(header.kind, 12);
  bytes.set(header.databaseId, 16);
  bytes.writeUInt32LE(header.shardIndex, 32);
  bytes.writeUInt32LE(header.epoch, 36);
  writeUint64(bytes, header.fileNumber, 40);
  writeUint64(bytes, header.manifestNumber ?? 0, 48);
  bytes.writeUInt32LE(checksum(bytes.subarray(0, 60)), 60);
  return bytes;
}

/** Decodes a header without expectations about its content. */
export function decodeFileHeader(bytes: Buffer, path: string): FileHeader {
  if (bytes.length < fileHeaderBytes) {
    throw corruption(path, bytes.length, "the file ends within its header");
  }
  if (!bytes.subarray(0, 8).equals(magic)) {
    throw corruption(path, 0, "this is no FastKV file (wrong magic)");
  }
  if (bytes.readUInt32LE(60) !== checksum(bytes.subarray(0, 60))) {
    throw corruption(path, 0, "wrong checksum of the file header");
  }
  const version = bytes.readUInt32LE(8);
  if (version !== formatVersion) {
    throw new FastKVError(
      "FASTKV_UNSUPPORTED_FORMAT",
      `${path} has format version ${version}; this FastKV reads version ${formatVersion}. Install a newer fastkv.`,
    );
  }
  const manifestNumber = readUint64(bytes, 48);
  return {
    kind: bytes.readUInt32LE(12) as FileKind,
    databaseId: new Uint8Array(bytes.subarray(16, 32)),
    shardIndex: bytes.readUInt32LE(32),
    epoch: bytes.readUInt32LE(36),
    fileNumber: readUint64(bytes, 40),
    ...(manifestNumber === 0 ? {} : { manifestNumber }),
  };
}

/** Decodes a header and refuses that of any other file. */
export function checkFileHeader(bytes: Buffer, path: string, expected: FileIdentity): FileHeader {
  const header = decodeFileHeader(bytes, path);
  if (header.kind !== expected.kind) {
    throw corruption(path, 12, `a file of kind ${header.kind} stands where kind ${expected.kind} belongs`);
  }
  if (!Buffer.from(header.databaseId).equals(expected.databaseId)) {
    throw corruption(path, 16, "the file belongs to another database");
  }
  if (header.shardIndex !== expected.shardIndex) {
    throw corruption(path, 32, `the file belongs to shard ${header.shardIndex}, not ${expected.shardIndex}`);
  }
  if (header.fileNumber !== expected.fileNumber) {
    throw corruption(path, 40, `the file has number ${header.fileNumber}, not ${expected.fileNumber}`);
  }
  return header;
}
