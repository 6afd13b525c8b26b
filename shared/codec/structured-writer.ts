/** Writes the parts of the structured format that contain no other values: numbers, strings, lengths and bytes. */

import { Scratch } from "./scratch.js";
import {
  maxShortInteger,
  maxShortStringBytes,
  shortIntegerTag,
  shortStringTag,
  tag,
} from "./structured-format.js";
import { isIllFormed } from "./well-formed.js";

/** Maximum size of a tag with a varint or a float64. */
const maxFixedBytes = 16;

export class StructuredWriter {
  readonly #scratch = new Scratch("structured");
  #bytes = this.#scratch.bytes;
  #at = 0;

  restart(): void {
    this.#at = 0;
  }

  /** Returns what was written: a view, valid until the next `restart`. */
  take(): Buffer {
    const view = this.#scratch.take(this.#at);
    this.#bytes = this.#scratch.bytes;
    return view;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at] = value;
    this.#at += 1;
  }

  varint(value: number): void {
    this.#reserve(maxFixedBytes);
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#at] = (rest % 0x80) | 0x80;
      this.#at += 1;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#at] = rest;
    this.#at += 1;
  }

  float64(value: number): void {
    this.#reserve(maxFixedBytes);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  number(value: number): void {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      this.byte(tag.float64);
      this.float64(value);
    } else if (value < 0) {
      this.byte(tag.negativeInteger);
      this.varint(-1 - value);
    } else if (value <= maxShortInteger) {
      this.byte(shortIntegerTag + value);
    } else {
      this.byte(tag.integer);
      this.varint(value);
    }
  }

  bigInt(value: bigint): void {
    this.byte(value < 0n ? tag.negativeBigInt : tag.bigInt);
    if (value === 0n) {
      this.varint(0);
      return;
    }
    const digits = (value < 0n ? -value : value).toString(16);
    const magnitude = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex").reverse();
    this.varint(magnitude.length);
    this.bytes(magnitude);
  }

  string(text: string): void {
    const { length } = text;
    if (length > maxShortStringBytes) {
      this.#longString(text);
      return;
    }
    this.#reserve(length + 1);
    const bytes = this.#bytes;
    const at = this.#at + 1;
    for (let unit = 0; unit < length; unit += 1) {
      const code = text.charCodeAt(unit);
      if (code > 0x7f) {
        this.#longString(text);
        return;
      }
      bytes[at + unit] = code;
    }
    bytes[at - 1] = shortStringTag + length;
    this.#at = at + length;
  }

  bytes(source: Uint8Array): void {
    this.#reserve(source.length);
    this.#bytes.set(source, this.#at);
    this.#at += source.length;
  }

  /** Returns the last bytes written, to be changed in place. */
  last(length: number): Buffer {
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #longString(text: string): void {
    const size = Buffer.byteLength(text);
    if (size !== text.length && isIllFormed(text)) {
      this.byte(tag.utf16);
      this.varint(text.length * 2);
      this.#reserve(text.length * 2);
      this.#at += this.#bytes.write(text, this.#at, "utf16le");
      return;
    }
    if (size <= maxShortStringBytes) {
      this.byte(shortStringTag + size);
    } else {
      this.byte(tag.utf8);
      this.varint(size);
    }
    this.#reserve(size);
    this.#at += this.#bytes.utf8Write(text, this.#at);
  }

  #reserve(needed: number): void {
    if (this.#at + needed > this.#bytes.length) {
      this.#scratch.reserve(this.#at, needed);
      this.#bytes = this.#scratch.bytes;
    }
  }
}
