/**
 * The encoding `msgpack`: MessagePack as msgpackr writes it, readable by other tools. Plain maps, no records. What
 * msgpackr would change silently is refused first (msgpack-check.ts), and the structure of the bytes is checked before
 * they are decoded (msgpack-structure.ts).
 */

import { type Options, Packr } from "msgpackr";
import { maxValueBytesCeiling } from "../limits.js";
import { hasOnlyKeptStrings, isKeptByMsgpack } from "./msgpack-check.js";
import { explainMsgpackRefusal } from "./msgpack-refusal.js";
import { MsgpackStructure } from "./msgpack-structure.js";
import { damaged, tooLarge, wrapEncodeError } from "./refusal.js";

/**
 * A constant of msgpackr that is missing in its type declarations: after packing, it returns to the start of its
 * buffer, so that one buffer serves all values.
 */
const resetBufferMode = 1024;

/** `moreTypes` distinguishes a Uint8Array from a Buffer. The other types that it adds are refused before packing. */
const packrOptions: Options & { useToJSON: boolean; copyBuffers: boolean } = {
  useRecords: false,
  mapsAsObjects: true,
  variableMapSize: true,
  moreTypes: true,
  structuredClone: false,
  useToJSON: false,
  copyBuffers: true,
};

/** msgpackr adds a property to each Buffer that it reads from, so small values are read from this one. */
const readBufferBytes = 64 * 1024;
/**
 * msgpackr would keep its buffer at the size of the largest value, so the buffer is replaced after a value larger than
 * this.
 */
const keptBufferBytes = 1024 * 1024;
const newBufferBytes = 16 * 1024;

export class MsgpackCodec {
  readonly #packr = new Packr(packrOptions);
  readonly #structure = new MsgpackStructure();
  readonly #readBuffer = Buffer.allocUnsafeSlow(readBufferBytes);

  /** Returns a view into a buffer that the next encode, or any other use of msgpackr's `pack`, overwrites. */
  encode(value: unknown): Buffer {
    try {
      if (!isKeptByMsgpack(value)) {
        throw explainMsgpackRefusal(value);
      }
      const bytes = this.#packr.pack(value, resetBufferMode);
      if (bytes.length > keptBufferBytes) {
        this.#packr.useBuffer(Buffer.allocUnsafeSlow(newBufferBytes));
        if (bytes.length > maxValueBytesCeiling) {
          throw tooLarge("msgpack");
        }
      }
      if (mayHaveChangedString(bytes) && !hasOnlyKeptStrings(value)) {
        throw explainMsgpackRefusal(value);
      }
      return bytes;
    } catch (error) {
      throw wrapEncodeError("msgpack", error);
    }
  }

  decode(bytes: Buffer, start: number, end: number): unknown {
    this.#structure.check(bytes, start, end);
    const length = end - start;
    try {
      if (length > readBufferBytes) {
        return this.#packr.unpack(bytes.subarray(start, end));
      }
      bytes.copy(this.#readBuffer, 0, start, end);
      return this.#packr.unpack(this.#readBuffer, { start: 0, end: length });
    } catch (error) {
      throw damaged("msgpack", "it cannot be decoded", undefined, error);
    }
  }
}

/** Up to this length a loop is faster than two calls into Node. */
const shortLength = 256;

/**
 * Returns true if the bytes 0xed (starts an encoded surrogate) or 0xef (starts U+FEFF and U+FFFD) occur anywhere. That
 * is cheaper than checking each string, and rarely true for values without such strings.
 */
function mayHaveChangedString(bytes: Buffer): boolean {
  const { length } = bytes;
  if (length > shortLength) {
    return bytes.includes(0xed) || bytes.includes(0xef);
  }
  for (let at = 0; at < length; at += 1) {
    if ((bytes[at]! | 2) === 0xef) {
      return true;
    }
  }
  return false;
}
