/** Buffers are kept up to this total; beyond it they are allocated each time. */
const mostKeptBytes = 4 * 1024 * 1024;
const stepBytes = 16 * 1024;

/**
 * Buffers for data that is needed only until the next page begins. Memory outside V8's heap is soon collected, but each
 * time by a collection of the whole heap, so it is used again.
 */
export class ScratchBuffers {
  readonly #buffers: (Buffer<ArrayBuffer> | undefined)[] = [];
  #keptBytes = 0;
  #taken = 0;

  /** Allows buffers that were taken before to be returned again. */
  reset(): void {
    this.#taken = 0;
  }

  /** Returns a buffer of at least this many bytes, with any content. */
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
