/**
 * Checks the structure of MessagePack bytes before they are decoded, so that a damaged or hostile value cannot make the
 * decoder allocate memory for missing elements, overflow the stack, or run an extension that FastKV never writes.
 *
 * Known extensions: type 0 (undefined, one byte 0), type -1 (the MessagePack timestamp; one byte 0xff is an invalid
 * Date) and type 0x74 ("t", msgpackr's typed array) with kind 1, a Uint8Array. All integers are big-endian. Format:
 * https://github.com/msgpack/msgpack/blob/master/spec.md
 */

import { maxValueDepth } from "../limits.js";
import { damaged } from "./refusal.js";

const undefinedExtension = 0x00;
const timestampExtension = 0xff;
const typedArrayExtension = 0x74;
const uint8ArrayKind = 1;

/** Payload bytes of the tokens 0xca to 0xd3: floats, then unsigned and signed integers. */
const numberBytes = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8] as const;

export class MsgpackStructure {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #start = 0;
  #end = 0;

  /** Throws `FASTKV_CORRUPTION` unless `bytes[start..end)` is exactly one value of the kinds that FastKV writes. */
  check(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#start = start;
    this.#end = end;
    this.#value(0);
    if (this.#at !== end) {
      throw this.#damaged("bytes follow the value");
    }
  }

  #value(depth: number): void {
    const token = this.#byte();
    if (token < 0x80 || token >= 0xe0 || token === 0xc0 || token === 0xc2 || token === 0xc3) {
      return;
    }
    if (token < 0x90) {
      this.#map(token & 0x0f, depth);
    } else if (token < 0xa0) {
      this.#array(token & 0x0f, depth);
    } else if (token < 0xc0) {
      this.#skip(token & 0x1f);
    } else {
      this.#long(token, depth);
    }
  }

  #long(token: number, depth: number): void {
    if (token >= 0xca && token <= 0xd3) {
      this.#skip(numberBytes[token - 0xca]!);
    } else if (token >= 0xd4 && token <= 0xd8) {
      this.#extension(1 << (token - 0xd4));
    } else if (token === 0xdc || token === 0xdd) {
      this.#array(this.#length(token === 0xdc ? 2 : 4), depth);
    } else if (token >= 0xde) {
      this.#map(this.#length(token === 0xde ? 2 : 4), depth);
    } else if (token >= 0xd9) {
      this.#skip(this.#length(1 << (token - 0xd9)));
    } else if (token >= 0xc7) {
      this.#extension(this.#length(1 << (token - 0xc7)));
    } else if (token >= 0xc4) {
      this.#skip(this.#length(1 << (token - 0xc4)));
    } else {
      throw this.#damaged("a token that MessagePack does not use");
    }
  }

  #array(count: number, depth: number): void {
    this.#checkContainer(count, depth);
    for (let element = 0; element < count; element += 1) {
      this.#value(depth + 1);
    }
  }

  #map(count: number, depth: number): void {
    this.#checkContainer(count * 2, depth);
    for (let entry = 0; entry < count; entry += 1) {
      this.#key();
      this.#value(depth + 1);
    }
  }

  #key(): void {
    const token = this.#byte();
    let length: number;
    if (token >= 0xa0 && token < 0xc0) {
      length = token & 0x1f;
    } else if (token >= 0xd9 && token <= 0xdb) {
      length = this.#length(1 << (token - 0xd9));
    } else {
      throw this.#damaged("a key that is no string");
    }
    const from = this.#at;
    this.#skip(length);
    if (
      length === 9 &&
      this.#bytes[from] === 0x5f &&
      this.#bytes.latin1Slice(from, this.#at) === "__proto__"
    ) {
      throw this.#damaged("the key __proto__");
    }
  }

  #extension(length: number): void {
    const type = this.#byte();
    const from = this.#at;
    this.#skip(length);
    const first = length === 0 ? -1 : this.#bytes[from]!;
    const known =
      (type === undefinedExtension && length === 1 && first === 0) ||
      (type === timestampExtension && (length === 4 || length === 8 || length === 12)) ||
      (type === timestampExtension && length === 1 && first === 0xff) ||
      (type === typedArrayExtension && first === uint8ArrayKind);
    if (!known) {
      throw this.#damaged(`an extension of type ${type} that FastKV does not write`);
    }
  }

  #checkContainer(count: number, depth: number): void {
    if (depth === maxValueDepth) {
      throw this.#damaged(`it nests deeper than ${maxValueDepth}`);
    }
    if (count > this.#end - this.#at) {
      throw this.#damaged("a container of more elements than bytes are left");
    }
  }

  #byte(): number {
    if (this.#at >= this.#end) {
      throw this.#damaged("it ends too early");
    }
    const byte = this.#bytes[this.#at]!;
    this.#at += 1;
    return byte;
  }

  #length(size: number): number {
    let length = 0;
    for (let part = 0; part < size; part += 1) {
      length = length * 256 + this.#byte();
    }
    return length;
  }

  #skip(length: number): void {
    if (length > this.#end - this.#at) {
      throw this.#damaged("it ends too early");
    }
    this.#at += length;
  }

  #damaged(what: string): Error {
    return damaged("msgpack", what, this.#at - this.#start);
  }
}
