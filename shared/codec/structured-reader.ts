/**
 * Reads the parts of the structured format that contain no other values. Each is checked against the end of the value.
 */

import { damaged } from "./refusal.js";
import { shortIntegerTag, shortStringTag, tag } from "./structured-format.js";

const maxVarintBytes = 8;
/** Field names of up to this many bytes are looked up among names read before. */
const maxCachedNameBytes = 40;
const cachedNames = 1024;

export class StructuredReader {
  bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #start = 0;
  #end = 0;
  /** Names by a hash of their bytes, so that reading a name again needs no call into Node. Has a fixed size. */
  readonly #names: (string | undefined)[] = new Array(cachedNames).fill(undefined);

  open(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes;
    this.#at = start;
    this.#start = start;
    this.#end = end;
  }

  get bytesLeft(): number {
    return this.#end - this.#at;
  }

  byte(): number {
    if (this.#at >= this.#end) {
      throw this.damaged("it ends too early");
    }
    const value = this.bytes[this.#at]!;
    this.#at += 1;
    return value;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < maxVarintBytes; count += 1) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) {
          break;
        }
        return value;
      }
      scale *= 0x80;
    }
    throw this.damaged("a number that is too large");
  }

  /** Reads a count of elements that take at least `leastBytes` each. */
  count(leastBytes: number): number {
    const count = this.varint();
    if (count * leastBytes > this.bytesLeft) {
      throw this.damaged("more elements than bytes are left");
    }
    return count;
  }

  float64(): number {
    return this.bytes.readDoubleLE(this.skip(8));
  }

  /** Skips `length` bytes. Returns where they begin. */
  skip(length: number): number {
    if (length > this.bytesLeft) {
      throw this.damaged("it ends too early");
    }
    const from = this.#at;
    this.#at += length;
    return from;
  }

  /** Returns the bytes of the next length-prefixed field: a view, to be copied. */
  lengthPrefixed(): Buffer {
    const length = this.varint();
    const from = this.skip(length);
    return this.bytes.subarray(from, from + length);
  }

  bigInt(isNegative: boolean): bigint {
    const magnitude = Buffer.from(this.lengthPrefixed());
    if (magnitude.length === 0) {
      return 0n;
    }
    const value = BigInt(`0x${magnitude.reverse().toString("hex")}`);
    return isNegative ? -value : value;
  }

  /** Reads a string whose tag was already read. */
  string(kind: number): string {
    if (kind >= shortStringTag && kind < shortIntegerTag) {
      const from = this.skip(kind - shortStringTag);
      return this.bytes.utf8Slice(from, this.#at);
    }
    if (kind === tag.utf8) {
      const length = this.varint();
      const from = this.skip(length);
      return this.bytes.utf8Slice(from, from + length);
    }
    if (kind === tag.utf16) {
      const units = this.lengthPrefixed();
      if (units.length % 2 !== 0) {
        throw this.damaged("UTF-16 of an odd length");
      }
      return units.toString("utf16le");
    }
    throw this.damaged("no string where one belongs");
  }

  /** Reads a field name, including its tag. */
  name(): string {
    const kind = this.byte();
    const length = kind - shortStringTag;
    if (length < 0 || length > maxCachedNameBytes || length > this.bytesLeft) {
      return this.string(kind);
    }
    const { bytes } = this;
    const from = this.#at;
    let hash = length;
    for (let at = from; at < from + length; at += 1) {
      hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
    }
    const slot = hash & (cachedNames - 1);
    const cached = this.#names[slot];
    if (cached !== undefined && cached.length === length && isAscii(cached, bytes, from)) {
      this.#at = from + length;
      return cached;
    }
    const name = this.string(kind);
    this.#names[slot] = name;
    return name;
  }

  damaged(what: string): Error {
    return damaged("structured", what, this.#at - this.#start);
  }
}

/** Returns true if the bytes are the ASCII text `name`. */
function isAscii(name: string, bytes: Buffer, from: number): boolean {
  for (let unit = 0; unit < name.length; unit += 1) {
    const code = name.charCodeAt(unit);
    if (code !== bytes[from + unit] || code > 0x7f) {
      return false;
    }
  }
  return true;
}
