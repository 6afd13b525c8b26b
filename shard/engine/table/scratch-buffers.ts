/**
 * Buffers for what is needed only until the next page is begun. Memory outside of V8's heap is soon collected, but at the
 * price of a collection of all there is: so it is used again.
 */
export class ScratchBuffers {
  readonly #buffers: Buffer<ArrayBuffer>[] = [];
  #taken = 0;

  /** What was taken before may be given out again. */
  reset(): void {
    this.#taken = 0;
  }

  /** At least so many bytes, of any content. */
  take(bytes: number): Buffer<ArrayBuffer> {
    const at = this.#taken;
    this.#taken += 1;
    let buffer = this.#buffers[at];
    if (buffer === undefined || buffer.length < bytes) {
      buffer = Buffer.allocUnsafeSlow(bytes);
      this.#buffers[at] = buffer;
    }
    return buffer;
  }
}
