/**
 * The encoding `structured`: JavaScript values with their types, shared references and cycles. Not kept: whether
 * objects are frozen, whether properties are read-only or not enumerable, whether two views share one ArrayBuffer (each
 * keeps its own bytes), and private `#fields`.
 */

import type { ClassRegistry } from "./class-registry.js";
import { wrapEncodeError } from "./refusal.js";
import { StructuredDecoder } from "./structured-decoder.js";
import { StructuredEncoder } from "./structured-encoder.js";

/** A hook, getter or iterator of a value may use the database; nested calls get an encoder or decoder of their own. */
export class StructuredCodec {
  readonly #classes: ClassRegistry;
  readonly #encoder: StructuredEncoder;
  readonly #decoder: StructuredDecoder;
  #isEncoding = false;
  #isDecoding = false;

  constructor(classes: ClassRegistry) {
    this.#classes = classes;
    this.#encoder = new StructuredEncoder(classes);
    this.#decoder = new StructuredDecoder(classes);
  }

  /** Returns a view, valid until the next encode. */
  encode(value: unknown): Buffer {
    const isOutermost = !this.#isEncoding;
    const encoder = isOutermost ? this.#encoder : new StructuredEncoder(this.#classes);
    this.#isEncoding = true;
    try {
      return encoder.encode(value);
    } catch (error) {
      throw wrapEncodeError("structured", error);
    } finally {
      this.#isEncoding = !isOutermost;
    }
  }

  decode(bytes: Buffer, start: number, end: number): unknown {
    const isOutermost = !this.#isDecoding;
    const decoder = isOutermost ? this.#decoder : new StructuredDecoder(this.#classes);
    this.#isDecoding = true;
    try {
      return decoder.decode(bytes, start, end);
    } finally {
      this.#isDecoding = !isOutermost;
    }
  }
}
