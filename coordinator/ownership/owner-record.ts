/**
 * The content of an owner file (`OWNER-0000000001`, where the number is the epoch). FROZEN. One line of UTF-8 text, so
 * that people can read who holds a database:
 *
 *     offset  size  field
 *          0     8  CRC-32 of bytes 9 to the end, in lower-case hexadecimal digits
 *          8     1  space
 *          9     J  JSON object, may be followed by spaces
 *        9+J     1  line feed, the last byte of the file
 *
 * The JSON: `format` (1), `epoch`, `holder` ({pid, startTime, bootId}, for a worker thread also `thread`: {id,
 * startTime}; or null when released), `runtimeFolder` (string or null), `shards` (array of {pid, startTime, bootId}),
 * `timeMs` (the coordinator's clock when it was written). A reader that does not know `thread` waits for the process to
 * end. At most 256 KiB. The file does not have the common file header, since it is written before a database has an id.
 */

import { checksum } from "../../shared/checksum.js";
import { FastKVError, invariant } from "../../shared/errors.js";
import { maxShards } from "../../shared/limits.js";
import type { ProcessIdentity } from "./process-identity.js";
import type { HolderIdentity } from "./thread-identity.js";

/** FROZEN: incremented when the format changes. */
const ownerFormat = 1;

export const maxOwnerRecordBytes = 256 * 1024;
/** Every other file has the epoch in 4 bytes of its header. */
export const maxEpoch = 0xffff_ffff;

const checksumDigits = 8;
const jsonStart = checksumDigits + 1;

export interface OwnerRecord {
  epoch: number;
  /** Null if the database was closed in this epoch and nobody holds it. */
  holder: HolderIdentity | null;
  /** The folder of the shards' socket; null if there is none. */
  runtimeFolder: string | null;
  shards: readonly ProcessIdentity[];
  timeMs: number;
}

/** Encodes a record, padded with spaces to `leastBytes`. */
export function encodeOwnerRecord(record: OwnerRecord, leastBytes = 0): Buffer {
  invariant(record.shards.length <= maxShards, "an owner file lists at most one process a shard");
  const { epoch, holder, runtimeFolder, shards, timeMs } = record;
  const json = JSON.stringify({ format: ownerFormat, epoch, holder, runtimeFolder, shards, timeMs });
  const jsonBytes = Buffer.byteLength(json);
  const padding = " ".repeat(Math.max(0, leastBytes - jsonStart - jsonBytes - 1));
  const line = Buffer.from(`${json}${padding}\n`);
  invariant(jsonStart + line.length <= maxOwnerRecordBytes, "an owner file has at most 256 KiB");
  return Buffer.concat([Buffer.from(`${checksumText(line)} `), line]);
}

function checksumText(line: Buffer): string {
  return checksum(line).toString(16).padStart(checksumDigits, "0");
}

/** Reads the owner file of `epoch`. Any change to its bytes is an error. */
export function decodeOwnerRecord(bytes: Buffer, path: string, epoch: number): OwnerRecord {
  const line = bytes.subarray(jsonStart);
  const isWhole = line.at(-1) === 0x0a && bytes.toString("latin1", 0, jsonStart) === `${checksumText(line)} `;
  if (!isWhole) {
    throw ownerCorruption(path, bytes.length === 0 ? "it is empty" : "wrong checksum");
  }
  const fields = parseObject(line.toString("utf8"), path);
  if (typeof fields.format === "number" && fields.format > ownerFormat) {
    throw new FastKVError(
      "FASTKV_UNSUPPORTED_FORMAT",
      `${path} has format ${fields.format}; this FastKV reads format ${ownerFormat}. Install a newer fastkv.`,
    );
  }
  const { holder, runtimeFolder, shards, timeMs } = fields;
  if (
    fields.format !== ownerFormat ||
    !(holder === null || isHolder(holder)) ||
    !(runtimeFolder === null || typeof runtimeFolder === "string") ||
    !(Array.isArray(shards) && shards.length <= maxShards && shards.every(isIdentity)) ||
    !(typeof timeMs === "number" && Number.isFinite(timeMs) && timeMs >= 0)
  ) {
    throw ownerCorruption(path, "a field is missing or of the wrong type");
  }
  if (fields.epoch !== epoch) {
    throw ownerCorruption(path, `it says epoch ${JSON.stringify(fields.epoch)}`);
  }
  return { epoch, holder, runtimeFolder, shards, timeMs };
}

function parseObject(text: string, path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw ownerCorruption(path, "its JSON is malformed", cause);
  }
  if (typeof value !== "object" || value === null) {
    throw ownerCorruption(path, "it holds no JSON object");
  }
  return value as Record<string, unknown>;
}

function isHolder(value: unknown): value is HolderIdentity {
  if (!isIdentity(value)) {
    return false;
  }
  const { thread } = value as { thread?: unknown };
  if (thread === undefined) {
    return true;
  }
  if (typeof thread !== "object" || thread === null) {
    return false;
  }
  const { id, startTime } = thread as { id?: unknown; startTime?: unknown };
  return Number.isInteger(id) && (id as number) > 0 && typeof startTime === "string";
}

/** Pids below 1 stand for groups of processes in kill(2), so they must be rejected. */
function isIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  const { pid, startTime, bootId } = value as Partial<Record<keyof ProcessIdentity, unknown>>;
  return (
    Number.isInteger(pid) &&
    (pid as number) > 0 &&
    typeof startTime === "string" &&
    typeof bootId === "string"
  );
}

/**
 * An owner file is complete and synced before it gets its name, so a crash never leaves a part of one: it was damaged
 * later. Whether its holder is alive is unknown, so nobody takes over without a person's confirmation.
 */
export function ownerCorruption(path: string, what: string, cause?: unknown): FastKVError {
  return new FastKVError(
    "FASTKV_CORRUPTION",
    `Damaged owner file ${path}: ${what}. It holds no data. ` +
      "Once you are sure that no process uses the database, remove this file and open again.",
    cause === undefined ? {} : { cause },
  );
}
