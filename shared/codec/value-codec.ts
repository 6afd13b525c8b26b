/**
 * Converts values to bytes and back. Each open database has its own codec, since each has its own registered classes.
 */

import { excerpt } from "../bytes.js";
import { FastKVError } from "../errors.js";
import {
  type EncodingTag,
  encodingTag,
  plainBinaryTag,
  type ValueEncoding,
} from "../format/value-encoding.js";
import { maxValueBytesCeiling } from "../limits.js";
import { binaryTagOf, decodeBinary, encodeBinary } from "./binary-codec.js";
import { type Class, type ClassOptions, ClassRegistry } from "./class-registry.js";
import { JsonCodec, parseJson } from "./json-codec.js";
import { MsgpackCodec } from "./msgpack-codec.js";
import { tooLarge } from "./refusal.js";
import { StructuredCodec } from "./structured-codec.js";

export type { Class, ClassOptions } from "./class-registry.js";

export class ValueCodec {
  readonly #classes = new ClassRegistry();
  readonly #json = new JsonCodec();
  readonly #msgpack = new MsgpackCodec();
  readonly #structured = new StructuredCodec(this.#classes);
  #tag: EncodingTag = encodingTag.json;

  /** The tag to store with the bytes of the last `encode`. */
  get tag(): EncodingTag {
    return this.#tag;
  }

  /**
   * Returns the bytes of a value. Copy them before control returns to the caller: they are a view into a buffer that
   * the next encode overwrites, or the caller's own bytes. Read `tag` with them.
   *
   * Throws `FASTKV_INVALID_VALUE`, with the path, for a value that would not come back deeply and strictly equal
   * (except as documented for `json`), and for a value that takes more than `maxValueBytesCeiling` bytes.
   */
  encode(value: unknown, encoding: ValueEncoding): Buffer {
    let bytes: Buffer;
    let tag: EncodingTag = encodingTag[encoding];
    switch (encoding) {
      case "json":
        bytes = this.#json.encode(value);
        break;
      case "msgpack":
        bytes = this.#msgpack.encode(value);
        break;
      case "structured":
        bytes = this.#structured.encode(value);
        break;
      case "binary":
        tag = binaryTagOf(value);
        bytes = encodeBinary(value as Uint8Array);
        break;
      default:
        throw new FastKVError(
          "FASTKV_INVALID_OPTION",
          `Unknown encoding ${typeof encoding === "string" ? excerpt(encoding) : typeof encoding}. Use json, msgpack, structured or binary.`,
          { writeOutcome: "not-applied" },
        );
    }
    if (bytes.length > maxValueBytesCeiling) {
      throw tooLarge(encoding);
    }
    this.#tag = tag;
    return bytes;
  }

  /**
   * Decodes `bytes[start..end)`. The result does not refer to these bytes. Throws `FASTKV_CORRUPTION` for bytes that
   * are not such a value and for an unknown tag, `FASTKV_UNSUPPORTED_FORMAT` for a newer version of the structured
   * format, and `FASTKV_INVALID_VALUE` for an instance of an unregistered class, or if its decode hook fails.
   */
  decode(tag: number, bytes: Buffer, start: number, end: number): unknown {
    switch (tag) {
      case encodingTag.json:
        return this.#json.decode(bytes, start, end);
      case encodingTag.msgpack:
        return this.#msgpack.decode(bytes, start, end);
      case encodingTag.structured:
        return this.#structured.decode(bytes, start, end);
      case encodingTag.binary:
      case plainBinaryTag:
        return decodeBinary(tag, bytes, start, end);
      default:
        throw new FastKVError(
          "FASTKV_CORRUPTION",
          `A value has the unknown encoding tag ${tag}. It is damaged, or a newer FastKV wrote it: update FastKV, or restore a backup.`,
        );
    }
  }

  /**
   * Returns the bytes of a value as a string that `decodeKept` decodes, for keeping many small values in memory. A
   * string takes less memory than its own buffer, and JSON text is parsed directly.
   */
  keep(tag: number, bytes: Buffer, start: number, end: number): string {
    return tag === encodingTag.json ? bytes.utf8Slice(start, end) : bytes.latin1Slice(start, end);
  }

  /** Decodes what `keep` returned. Throws what `decode` throws. */
  decodeKept(tag: number, kept: string): unknown {
    if (tag === encodingTag.json) {
      return parseJson(kept);
    }
    const bytes = Buffer.from(kept, "latin1");
    return this.decode(tag, bytes, 0, bytes.length);
  }

  /**
   * Lets the encoding `structured` store instances of a class; see `ClassOptions`. Throws `FASTKV_INVALID_OPTION` if
   * `target` is not a class, or if the class or name is already registered.
   */
  registerClass<Instance extends object>(target: Class<Instance>, options?: ClassOptions<Instance>): void {
    this.#classes.register(target, options);
  }
}
