import { isAscii } from "node:buffer";
import { invariant } from "../../shared/errors.js";
import { valueHeaderBytes } from "../../shared/wire/frame.js";
import { type Decode, ValueRuns } from "./value-runs.js";

/** Converts a value's bytes to what the read cache keeps. */
export type Keep = (tag: number, bytes: Buffer, start: number, end: number) => string;

/** A value in a frame. Valid only until the next value is read. */
export interface FoundValue {
  readonly tag: number;
  /** In ms; 0 means never. */
  readonly expiresAt: number;
  /** Length of the value in its stored form. */
  readonly valueBytes: number;
  /** The decoded value. May be read once. Throws what `decode` throws. */
  value(decode: Decode): unknown;
  /** The value's bytes as the string that `keep` returns. */
  kept(keep: Keep): string;
  /** Whether no byte is above 127. */
  readonly isAscii: boolean;
}

/** Reads the values in pages and answers: the values in sequence, followed by their descriptions (frame.ts). */
export class ValueReader implements FoundValue {
  protected readonly frame: Buffer;
  /** Position of the current value's description; before the first value, one description before the start. */
  protected header: number;
  protected valueStart: number;
  protected valueEnd: number;

  readonly #headersStart: number;
  readonly #headersEnd: number;
  readonly #runs: ValueRuns;

  constructor(frame: Buffer, valuesStart: number, headersStart: number, headersEnd: number) {
    this.frame = frame;
    this.header = headersStart - valueHeaderBytes;
    this.valueStart = valuesStart;
    this.valueEnd = valuesStart - 1;
    this.#headersStart = headersStart;
    this.#headersEnd = headersEnd;
    this.#runs = new ValueRuns(frame, headersStart, (headersEnd - headersStart) / valueHeaderBytes);
  }

  /** Moves to the next value. Returns false if there is none. */
  next(): boolean {
    this.header += valueHeaderBytes;
    if (this.header >= this.#headersEnd) {
      return false;
    }
    this.valueStart = this.valueEnd + 1;
    this.valueEnd = this.valueStart + this.frame.readUInt32LE(this.header + 4);
    invariant(this.valueEnd < this.#headersStart, "a frame has the values that it describes");
    return true;
  }

  get tag(): number {
    return this.frame[this.header + 2]!;
  }

  get expiresAt(): number {
    return this.frame.readDoubleLE(this.header + 8);
  }

  /** The expiry time of the value at this place, without moving to it. */
  protected expiryAt(place: number): number {
    return this.frame.readDoubleLE(this.#headersStart + place * valueHeaderBytes + 8);
  }

  get valueBytes(): number {
    return this.valueEnd - this.valueStart;
  }

  /** Approximate number of values that will still be read. */
  get wanted(): number {
    return this.#runs.wanted;
  }

  set wanted(values: number) {
    this.#runs.wanted = values;
  }

  value(decode: Decode): unknown {
    const at = (this.header - this.#headersStart) / valueHeaderBytes;
    return this.#runs.value(at, this.tag, this.valueStart, this.valueEnd, decode);
  }

  get isAscii(): boolean {
    return isAscii(this.frame.subarray(this.valueStart, this.valueEnd));
  }

  kept(keep: Keep): string {
    return keep(this.tag, this.frame, this.valueStart, this.valueEnd);
  }
}
