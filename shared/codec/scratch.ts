/** The buffer into which an encoder writes. The next encode reuses it. */

import type { ValueEncoding } from "../format/value-encoding.js";
import { maxValueBytesCeiling } from "../limits.js";
import { tooLarge } from "./refusal.js";

const firstScratchBytes = 16 * 1024;
/** A larger buffer is released after the value that needed it. */
const keptScratchBytes = 1024 * 1024;

export class Scratch {
  readonly #encoding: ValueEncoding;
  bytes: Buffer = Buffer.allocUnsafeSlow(firstScratchBytes);

  constructor(encoding: ValueEncoding) {
    this.#encoding = encoding;
  }

  /** Makes space for `needed` more bytes after the first `used`, which are kept. */
  reserve(used: number, needed: number): void {
    const size = used + needed;
    if (size > this.bytes.length) {
      if (size > maxValueBytesCeiling) {
        throw tooLarge(this.#encoding);
      }
      const grown = Buffer.allocUnsafeSlow(
        Math.min(Math.max(size, this.bytes.length * 2), maxValueBytesCeiling),
      );
      this.bytes.copy(grown, 0, 0, used);
      this.bytes = grown;
    }
  }

  /** Returns the first `used` bytes: a view, valid until the next encode. */
  take(used: number): Buffer {
    const view = this.bytes.subarray(0, used);
    if (this.bytes.length > keptScratchBytes) {
      this.bytes = Buffer.allocUnsafeSlow(firstScratchBytes);
    }
    return view;
  }
}
