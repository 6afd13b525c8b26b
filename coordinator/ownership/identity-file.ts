/**
 * The file `FASTKV` of a database folder identifies the database. FROZEN (format version 1). Little-endian.
 *
 *     offset  size  field
 *          0    64  file header (file-header.ts): kind identity, coordinator, file number 0
 *         64     4  payload length P, at most 4096
 *         68     P  payload: a msgpack map of `shards` (integer, 1 to 256), `hash` (string), `initialized` (boolean),
 *                   `createdAtMs` (number)
 *       68+P     4  CRC-32 of bytes 0 to 59 and 64 to 67+P; the file ends here
 *
 * The header's own CRC, bytes 60 to 63, is not part of the last one: a CRC over data followed by its own CRC is the
 * same for all data, so one header could be exchanged for another unnoticed.
 */

import { Packr } from "msgpackr";
import { checksum } from "../../shared/checksum.js";
import { unpackChecked } from "../../shared/codec/checked-unpack.js";
import { corruption, FastKVError, invariant } from "../../shared/errors.js";
import {
  checkFileHeader,
  coordinatorIndex,
  decodeFileHeader,
  encodeFileHeader,
  fileHeaderBytes,
  fileKind,
} from "../../shared/format/file-header.js";
import { hashName } from "../../shared/hash.js";
import { maxShards } from "../../shared/limits.js";
import { type FileSystem, replaceFile } from "../../shared/storage/file-system.js";
import { systemErrorCode } from "./system-error.js";

export const identityFileName = "FASTKV";

export interface Identity {
  /** 16 random bytes, the same in the header of every file of the database. */
  databaseId: Uint8Array;
  /** The owner epoch in which this file was written. */
  epoch: number;
  /** Number of shards over which the keys are distributed: 1 to 256, never changed. */
  shards: number;
  /** How a key's shard is chosen; never changed. */
  hash: typeof hashName;
  /** False until all shards exist: until then, existing files may be created again. */
  initialized: boolean;
  createdAtMs: number;
}

const databaseIdBytes = 16;
const payloadStart = fileHeaderBytes + 4;
const maxPayloadBytes = 4096;
const checksumBytes = 4;

const packr = new Packr({ useRecords: false });

export function encodeIdentity(identity: Identity): Buffer {
  const { databaseId, epoch, shards, hash, initialized, createdAtMs } = identity;
  invariant(databaseId.length === databaseIdBytes, "a database id has 16 bytes");
  invariant(isPayload({ shards, hash, initialized, createdAtMs }), "an identity is well-formed");
  const payload = packr.pack({ shards, hash, initialized, createdAtMs });
  const bytes = Buffer.alloc(payloadStart + payload.length + checksumBytes);
  const header = { kind: fileKind.identity, databaseId, shardIndex: coordinatorIndex, fileNumber: 0, epoch };
  encodeFileHeader(header).copy(bytes, 0);
  bytes.writeUInt32LE(payload.length, fileHeaderBytes);
  payload.copy(bytes, payloadStart);
  bytes.writeUInt32LE(bindingChecksum(bytes), bytes.length - checksumBytes);
  return bytes;
}

function bindingChecksum(bytes: Buffer): number {
  return checksum(
    Buffer.concat([
      bytes.subarray(0, fileHeaderBytes - checksumBytes),
      bytes.subarray(fileHeaderBytes, bytes.length - checksumBytes),
    ]),
  );
}

/**
 * @throws FastKVError `FASTKV_CORRUPTION` for any changed, missing or added byte; `FASTKV_UNSUPPORTED_FORMAT` for a
 * file of a newer version.
 */
export function decodeIdentity(bytes: Buffer, path: string): Identity {
  // Only the header says which database this is, so its database id is compared with itself.
  const { databaseId } = decodeFileHeader(bytes, path);
  const expected = { kind: fileKind.identity, databaseId, shardIndex: coordinatorIndex, fileNumber: 0 };
  const { epoch } = checkFileHeader(bytes, path, expected);
  if (bytes.length < payloadStart) {
    throw corruption(path, bytes.length, "the file ends before its payload");
  }
  const payloadBytes = bytes.readUInt32LE(fileHeaderBytes);
  if (payloadBytes > maxPayloadBytes || bytes.length !== payloadStart + payloadBytes + checksumBytes) {
    throw corruption(
      path,
      fileHeaderBytes,
      `it has ${bytes.length} bytes, which is not what its payload takes`,
    );
  }
  if (bytes.readUInt32LE(bytes.length - checksumBytes) !== bindingChecksum(bytes)) {
    throw corruption(path, payloadStart, "wrong checksum");
  }
  const payload = decodePayload(bytes.subarray(payloadStart, payloadStart + payloadBytes), path);
  return { databaseId, epoch, ...payload };
}

type Payload = Pick<Identity, "shards" | "hash" | "initialized" | "createdAtMs">;

const payloadFields = new Set(["shards", "hash", "initialized", "createdAtMs"]);

function decodePayload(bytes: Buffer, path: string): Payload {
  let value: unknown;
  try {
    value = unpackChecked(bytes);
  } catch (cause) {
    throw corruption(path, payloadStart, "its payload is malformed", cause);
  }
  if (typeof value !== "object" || value === null) {
    throw corruption(path, payloadStart, "its payload is no map");
  }
  const fields = value as Record<string, unknown>;
  const unknownField = Object.keys(fields).find((name) => !payloadFields.has(name));
  const isUnknownHash = typeof fields.hash === "string" && fields.hash !== hashName;
  if (unknownField !== undefined || isUnknownHash) {
    throw new FastKVError(
      "FASTKV_UNSUPPORTED_FORMAT",
      `${path} was written by a newer FastKV (${isUnknownHash ? "another hash of keys" : "a field unknown here"}). ` +
        "Install a newer fastkv.",
    );
  }
  if (!isPayload(fields)) {
    throw corruption(path, payloadStart, "a field of its payload is missing or out of range");
  }
  const { shards, hash, initialized, createdAtMs } = fields;
  return { shards, hash, initialized, createdAtMs };
}

function isPayload(fields: Record<string, unknown>): fields is Record<string, unknown> & Payload {
  const { shards, hash, initialized, createdAtMs } = fields;
  return (
    Number.isInteger(shards) &&
    (shards as number) >= 1 &&
    (shards as number) <= maxShards &&
    hash === hashName &&
    typeof initialized === "boolean" &&
    Number.isFinite(createdAtMs)
  );
}

/** Reads the identity of the database in a folder; undefined if the file is missing. */
export function readIdentity(fileSystem: FileSystem, folder: string): Identity | undefined {
  const path = `${folder}/${identityFileName}`;
  let bytes: Buffer;
  try {
    const handle = fileSystem.open(path, "read");
    try {
      // One byte more than the longest possible file, to detect longer ones.
      const limit = Buffer.alloc(payloadStart + maxPayloadBytes + checksumBytes + 1);
      bytes = limit.subarray(0, handle.read(limit, 0));
    } finally {
      handle.close();
    }
  } catch (error) {
    switch (systemErrorCode(error)) {
      case "ENOENT":
        return undefined;
      case "ELOOP":
      case "EISDIR":
        throw corruption(path, undefined, "it is a symbolic link or a folder", error);
      default:
        throw error;
    }
  }
  return decodeIdentity(bytes, path);
}

/** Writes the file, or replaces it atomically; it is durable on return. Only for the owner of the folder. */
export function writeIdentity(fileSystem: FileSystem, folder: string, identity: Identity): void {
  replaceFile(fileSystem, folder, identityFileName, encodeIdentity(identity));
}
