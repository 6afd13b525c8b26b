/**
 * The encoding `binary`: bytes unchanged. A Buffer comes back as a Buffer and a plain Uint8Array as a plain Uint8Array,
 * so the encoding has two tags (shared/format/value-encoding.ts).
 */

import { asBuffer } from "../bytes.js";
import { encodingTag, plainBinaryTag } from "../format/value-encoding.js";
import { describe, refusal } from "./refusal.js";

/** Returns the tag for `value`. Throws `FASTKV_INVALID_VALUE` if it is neither a Buffer nor a plain Uint8Array. */
export function binaryTagOf(value: unknown): typeof encodingTag.binary | typeof plainBinaryTag {
  if (ArrayBuffer.isView(value)) {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Buffer.prototype) {
      return encodingTag.binary;
    }
    if (prototype === Uint8Array.prototype) {
      return plainBinaryTag;
    }
  }
  throw refusal(
    "binary",
    "$",
    `${describe(value)} is neither a Buffer nor a Uint8Array`,
    'Wrap its bytes in a Uint8Array, or use the encoding "structured", which keeps every kind of view and buffer.',
  );
}

/** Returns the caller's own bytes, not a copy: copy them before control returns to the caller. */
export function encodeBinary(value: Uint8Array): Buffer {
  try {
    return asBuffer(value);
  } catch {
    throw refusal(
      "binary",
      "$",
      "the bytes are gone: their ArrayBuffer was transferred or cut",
      "Store them first, or a copy.",
    );
  }
}

export function decodeBinary(tag: number, bytes: Buffer, start: number, end: number): Uint8Array {
  if (tag === encodingTag.binary) {
    return Buffer.from(bytes.subarray(start, end));
  }
  const copy = new Uint8Array(end - start);
  copy.set(bytes.subarray(start, end));
  return copy;
}
