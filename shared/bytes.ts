/**
 * Byte helpers. All integers on disk and on the wire are little-endian.
 *
 * A *byte string* is a JavaScript string with one byte in each UTF-16 unit (0 to 255), which V8 stores as one byte per
 * unit. Inside a shard, keys are byte strings: they hash fast, and `<` compares them in unsigned byte order.
 */

/** Sequence numbers, offsets and sizes take 8 bytes, of which 53 bits are used. */
export const uint64Bytes = 8;

const twoTo32 = 0x1_0000_0000;

export function writeUint64(target: Uint8Array & Buffer, value: number, offset: number): void {
  target.writeUInt32LE(value % twoTo32, offset);
  target.writeUInt32LE(Math.floor(value / twoTo32), offset + 4);
}

/** Reads 8 bytes. A value above 2^53 - 1 (which is never written) is returned as NaN, so that checks refuse it. */
export function readUint64(source: Buffer, offset: number): number {
  const high = source.readUInt32LE(offset + 4);
  return high > 0x1f_ffff ? Number.NaN : high * twoTo32 + source.readUInt32LE(offset);
}

export type ByteString = string;

export function byteStringOf(bytes: Uint8Array): ByteString {
  return asBuffer(bytes).latin1Slice(0, bytes.byteLength);
}

export function bytesOf(key: ByteString): Buffer {
  return Buffer.from(key, "latin1");
}

/** Returns the same bytes as a Buffer, without copying. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Up to this many bytes a loop is faster than a call into native code. */
const shortBytes = 32;

/** Copies `source[0..length)` to `target` at `offset`. For keys, most of which are short. */
export function copyKey(source: Uint8Array, length: number, target: Buffer, offset: number): void {
  if (length > shortBytes) {
    target.set(source.length === length ? source : source.subarray(0, length), offset);
    return;
  }
  for (let at = 0; at < length; at++) {
    target[offset + at] = source[at]!;
  }
}

/**
 * Characters that JSON.stringify does not escape but a terminal may interpret: control characters, characters that
 * change the direction of text, and invisible ones.
 */
const unsafe = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]/g;

/**
 * Returns at most `limit` bytes of a key, escaped, for an error message: a key must not be able to control a terminal.
 */
export function excerpt(key: Uint8Array | string, limit = 40): string {
  const text =
    typeof key === "string" ? key : asBuffer(key).toString("utf8", 0, Math.min(key.byteLength, limit));
  const cut = text.length > limit ? `${text.slice(0, limit)}...` : text;
  return JSON.stringify(cut).replace(unsafe, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

declare global {
  interface Buffer {
    /** Node's own fast paths: in Node's sources and stable since Node 0.x, but not in its type declarations. */
    latin1Slice(start: number, end: number): string;
    utf8Slice(start: number, end: number): string;
    latin1Write(text: string, offset: number, length?: number): number;
    utf8Write(text: string, offset: number, length?: number): number;
  }
}
