import { FastKVError } from "../errors.js";
import { maxFrameBytes } from "../limits.js";

const lengthBytes = 4;
const smallestFrameBytes = 8;

/**
 * Splits a stream of chunks into frames. A frame that lies completely in a chunk is a view of it. A frame that spans
 * chunks is gathered in a buffer of its exact length, after that length was checked. A bad length throws: the stream is
 * then lost, and the connection must be closed.
 */
export class FrameAssembler {
  readonly #limitBytes: number;
  readonly #onFrame: (frame: Buffer) => void;
  /** The buffer of a partial frame whose length is known. */
  #partial: Buffer | undefined;
  #filled = 0;
  /** The first bytes of a frame whose length is not known yet. */
  #head: Buffer = Buffer.alloc(0);

  constructor(onFrame: (frame: Buffer) => void, limitBytes = maxFrameBytes) {
    this.#onFrame = onFrame;
    this.#limitBytes = limitBytes;
  }

  push(chunk: Buffer): void {
    let rest = chunk;
    if (this.#partial !== undefined) {
      rest = this.#continuePartial(this.#partial, rest);
    } else if (this.#head.length > 0) {
      rest = Buffer.concat([this.#head, rest]);
      this.#head = Buffer.alloc(0);
    }
    let at = 0;
    while (rest.length - at >= lengthBytes) {
      const length = this.#checkedLength(rest.readUInt32LE(at));
      if (rest.length - at < length) {
        this.#partial = Buffer.allocUnsafeSlow(length);
        this.#filled = rest.copy(this.#partial, 0, at);
        return;
      }
      this.#onFrame(rest.subarray(at, at + length));
      at += length;
    }
    if (at < rest.length) {
      this.#head = Buffer.from(rest.subarray(at));
    }
  }

  /** Returns the rest of the chunk after the frame. */
  #continuePartial(partial: Buffer, chunk: Buffer): Buffer {
    const taken = chunk.copy(partial, this.#filled);
    this.#filled += taken;
    if (this.#filled === partial.length) {
      this.#partial = undefined;
      this.#onFrame(partial);
    }
    return chunk.subarray(taken);
  }

  #checkedLength(length: number): number {
    if (length < smallestFrameBytes || length > this.#limitBytes) {
      throw new FastKVError(
        "FASTKV_INTERNAL",
        `A frame claims ${length} bytes; at most ${this.#limitBytes} are taken`,
      );
    }
    return length;
  }
}
