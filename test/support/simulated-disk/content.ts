/** The bytes of a file, copied only when one of several sharers writes. Bytes behind the size are zero. */
export class Content {
  #bytes: Buffer;
  #sizeBytes: number;
  #shared = false;

  constructor(bytes: Buffer = Buffer.alloc(0)) {
    this.#bytes = bytes;
    this.#sizeBytes = bytes.length;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** A second owner of the same bytes. */
  share(): Content {
    const other = new Content(this.#bytes);
    other.#sizeBytes = this.#sizeBytes;
    other.#shared = true;
    this.#shared = true;
    return other;
  }

  /** Fills `target` from `position` as far as the file goes, and says how far. */
  read(target: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(target.byteLength, this.#sizeBytes - position));
    target.set(this.#bytes.subarray(position, position + count));
    return count;
  }

  copyRange(start: number, end: number): Buffer {
    return Buffer.from(this.#bytes.subarray(start, Math.min(end, this.#sizeBytes)));
  }

  write(data: Uint8Array, position: number): void {
    const end = position + data.byteLength;
    this.#own(Math.max(end, this.#sizeBytes));
    this.#bytes.set(data, position);
    this.#sizeBytes = Math.max(this.#sizeBytes, end);
  }

  resize(sizeBytes: number): void {
    this.#own(sizeBytes);
    if (sizeBytes < this.#sizeBytes) {
      this.#bytes.fill(0, sizeBytes, this.#sizeBytes);
    }
    this.#sizeBytes = sizeBytes;
  }

  #own(capacityBytes: number): void {
    if (!this.#shared && capacityBytes <= this.#bytes.length) {
      return;
    }
    const grown = capacityBytes > this.#bytes.length ? capacityBytes * 2 : capacityBytes;
    const bytes = Buffer.alloc(Math.max(grown, this.#sizeBytes));
    bytes.set(this.#bytes.subarray(0, this.#sizeBytes));
    this.#bytes = bytes;
    this.#shared = false;
  }
}
