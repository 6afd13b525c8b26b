/**
 * The encoding `msgpack`: MessagePack as msgpackr writes it, readable by other tools. Plain maps, no records; what
 * msgpackr would change silently is refused before (msgpack-check.ts), and the structure of the bytes is checked
 * before they are decoded (msgpack-structure.ts).
 */

import { type Options, Packr } from "msgpackr";
import { maxValueBytesCeiling } from "../limits.js";
import { hasOnlyKeptStrings, isKeptByMsgpack } from "./msgpack-check.js";
import { explainMsgpackRefusal } from "./msgpack-refusal.js";
import { MsgpackStructure } from "./msgpack-structure.js";
import { damaged, tooLarge, wrapEncodeError } from "./refusal.js";

/**
 * Of msgpackr, missing in its type declarations: after packing it goes back to the buffer's beginning, so that one
 * buffer serves for all values.
 */
const resetBufferMode = 1024;

/** `moreTypes` keeps a Uint8Array apart from a Buffer; the other types that it adds are refused before packing. */
const packrOptions: Options & { useToJSON: boolean; copyBuffers: boolean } = {
  useRecords: false,
  mapsAsObjects: true,
  variableMapSize: true,
  moreTypes: true,
  structuredClone: false,
  useToJSON: false,
  copyBuffers: true,
};

/** msgpackr keeps a property on each Buffer it reads from: small values are read from this one. */
const readBufferBytes = 64 * 1024;
/** msgpackr's buffer, which it would keep at the size of the largest value, is replaced after one beyond this. */
const keptBufferBytes = 1024 * 1024;
const newBufferBytes = 16 * 1024;

export class MsgpackCodec {
  readonly #packr = new Packr(packrOptions);
  readonly #structure = new MsgpackStructure();
  readonly #readBuffer = Buffer.allocUnsafeSlow(readBufferBytes);

  /** A view into a buffer that the next encode, or any other use of msgpackr's `pack`, overwrites. */
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

/** Up to this length a loop beats two calls into Node. */
const shortLength = 256;

/**
 * True if the bytes 0xed (begins an encoded surrogate) or 0xef (begins U+FEFF and U+FFFD) occur anywhere. That is
 * cheaper than to look at each string, and rarely true of values without such strings.
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
