/**
 * Converts between Level's formats of keys and values and the bytes that FastKV stores. Copies only where necessary.
 */

import { LevelError } from "./level-error.js";

/** Data in one of Level's formats "utf8", "buffer" and "view". */
export type LevelData = string | Buffer | Uint8Array;

export type FromBytes = (bytes: unknown) => LevelData;

/** Returns a value's bytes as a Buffer, the form in which FastKV returns them. */
export function toBytes(data: LevelData): Buffer {
  return typeof data === "string" ? Buffer.from(data) : bufferOf(data);
}

/** Returns the function that converts bytes to a format of Level. */
export function fromBytes(format: string): FromBytes {
  switch (format) {
    case "utf8":
      return (bytes) => bufferOf(bytes).toString();
    case "view":
      return (bytes) => {
        const { buffer, byteOffset, byteLength } = bufferOf(bytes);
        return new Uint8Array(buffer, byteOffset, byteLength);
      };
    default:
      return bufferOf;
  }
}

function bufferOf(bytes: unknown): Buffer {
  if (Buffer.isBuffer(bytes)) {
    return bytes;
  }
  if (bytes instanceof Uint8Array) {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  throw new LevelError(
    "LEVEL_DECODE_ERROR",
    'The database has a value that is no bytes: it was put by FastKV itself. Use FastKVLevel alone, or the encoding "binary".',
  );
}
