/** So much is kept, beyond that buffers are made anew. */
const mostKeptBytes = 4 * 1024 * 1024;
const stepBytes = 16 * 1024;

/**
 * Buffers for what is needed only until the next page is begun. Memory outside of V8's heap is soon collected, but at the
 * price of a collection of all there is: so it is used again.
 */
export class ScratchBuffers {
  readonly #buffers: (Buffer<ArrayBuffer> | undefined)[] = [];
  #keptBytes = 0;
  #taken = 0;

  /** What was taken before may be given out again. */
  reset(): void {
    this.#taken = 0;
  }

  /** At least so many bytes, of any content. */
  take(bytes: number): Buffer<ArrayBuffer> {
    const at = this.#taken;
    this.#taken += 1;
    const kept = this.#buffers[at];
    if (kept !== undefined && kept.length >= bytes) {
      return kept;
    }
    const length = Math.ceil(bytes / stepBytes) * stepBytes;
    const keptBytes = this.#keptBytes + length - (kept?.length ?? 0);
    if (keptBytes > mostKeptBytes) {
      return Buffer.allocUnsafeSlow(bytes);
    }
    const fresh = Buffer.allocUnsafeSlow(length);
    this.#buffers[at] = fresh;
    this.#keptBytes = keptBytes;
    return fresh;
  }
}
