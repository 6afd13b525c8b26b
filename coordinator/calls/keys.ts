import { isUtf8 } from "node:buffer";
import { types } from "node:util";
import { asBuffer, excerpt } from "../../shared/bytes.js";
import { FastKVError } from "../../shared/errors.js";
import { maxKeyBytes } from "../../shared/limits.js";
import { keyHint } from "./hints.js";

/** A key as programs give it. A string stands for its UTF-8 bytes; strings and bytes share one key space. */
export type Key = string | Uint8Array;

/** A UTF-16 unit takes at most three bytes of UTF-8. */
const maxBytesPerUnit = 3;

function invalidKey(message: string): FastKVError {
  return new FastKVError("FASTKV_INVALID_KEY", message);
}

function noKey(given: unknown): FastKVError {
  const what = given === null ? "null" : Array.isArray(given) ? "an array" : typeof given;
  return invalidKey(`A key is a string or a Uint8Array, not ${what}${keyHint(given)}`);
}

function tooLong(bytes: number): FastKVError {
  return invalidKey(`The key has ${bytes} bytes; a key has at most ${maxKeyBytes}`);
}

/** The key that was encoded last, in a reused buffer. Copy it before encoding the next one. */
export class KeyScratch {
  readonly buffer: Buffer = Buffer.allocUnsafeSlow(maxKeyBytes + 1);

  /** Writes a key's bytes to the start of `buffer` and returns their number. Throws `FASTKV_INVALID_KEY`. */
  set(key: unknown): number {
    if (typeof key === "string") {
      return this.#setString(key);
    }
    if (types.isUint8Array(key)) {
      const { byteLength } = key;
      if (byteLength > maxKeyBytes) {
        throw tooLong(byteLength);
      }
      try {
        this.buffer.set(key, 0);
      } catch (cause) {
        throw new FastKVError(
          "FASTKV_INVALID_KEY",
          "The key's bytes are gone: their ArrayBuffer was transferred or cut",
          {
            cause,
          },
        );
      }
      return byteLength;
    }
    throw noKey(key);
  }

  #setString(key: string): number {
    const { length } = key;
    const { buffer } = this;
    if (length <= 64) {
      let at = 0;
      for (; at < length; at++) {
        const unit = key.charCodeAt(at);
        if (unit > 0x7f) {
          break;
        }
        buffer[at] = unit;
      }
      if (at === length) {
        return length;
      }
    }
    if (length * maxBytesPerUnit > maxKeyBytes) {
      const bytes = Buffer.byteLength(key);
      if (bytes > maxKeyBytes) {
        throw tooLong(bytes);
      }
    }
    if (!isWellFormed(key)) {
      throw invalidKey(
        `The key ${excerpt(key)} has a lone surrogate and no UTF-8 form; use a Uint8Array for raw bytes`,
      );
    }
    return buffer.utf8Write(key, 0);
  }
}

/**
 * String.prototype.isWellFormed: every supported Node version has it, but our TypeScript library does not declare it.
 */
function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

/** Returns a copy of a key's bytes. Throws `FASTKV_INVALID_KEY`. */
export function keyBytes(scratch: KeyScratch, key: unknown): Buffer {
  const length = scratch.set(key);
  return Buffer.from(scratch.buffer.subarray(0, length));
}

/** Returns the string of a key that was read. Throws `FASTKV_INVALID_KEY` if the bytes are not UTF-8. */
export function keyToString(bytes: Buffer, start: number, end: number): string {
  const text = bytes.utf8Slice(start, end);
  // Equal length means ASCII, or invalid UTF-8 whose bytes each became U+FFFD.
  const isAscii = text.length === end - start && !text.includes("\ufffd");
  if (!isAscii && !isUtf8(bytes.subarray(start, end))) {
    throw invalidKey(
      `The key with the bytes ${bytes.toString("hex", start, Math.min(end, start + 32))} is no UTF-8; read it with keyEncoding "binary"`,
    );
  }
  return text;
}

export function keyToBytes(bytes: Buffer, start: number, end: number): Uint8Array {
  return new Uint8Array(asBuffer(bytes.subarray(start, end)));
}
