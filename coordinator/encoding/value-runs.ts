import { decodeJsonRun, uncheckedJsonBytes } from "../../shared/codec/json-codec.js";
import { encodingTag } from "../../shared/format/value-encoding.js";
import { answerStatus, valueHeaderBytes } from "../../shared/wire/frame.js";

export type Decode = (tag: number, bytes: Buffer, start: number, end: number) => unknown;

/** If a scan is left early, at most this many values were decoded in vain. */
const maxRunValues = 32;
const maxRunBytes = 8 * 1024;
/** Fewer values are cheaper to decode one by one. */
const minRunValues = 3;

/**
 * Decodes the values of one frame, which are stored in sequence; several JSON texts at a time. Read the values in
 * order, each at most once.
 */
export class ValueRuns {
  readonly #frame: Buffer;
  /** Position of the values' descriptions. */
  readonly #headersStart: number;
  readonly #count: number;
  /** Approximate number of values that will still be read; few more are decoded at once. */
  wanted = Number.POSITIVE_INFINITY;
  #run: unknown[] = [];
  /** Place of the first value in the run ... */
  #runStart = 0;
  /** ... and end of the run, exclusive. */
  #runEnd = 0;
  /** Up to this place, values are decoded one by one. */
  #singleEnd = 0;

  constructor(frame: Buffer, headersStart: number, count: number) {
    this.#frame = frame;
    this.#headersStart = headersStart;
    this.#count = count;
  }

  /** Returns the value at place `at`, with `tag`, in `frame[start..end)`. Throws what `decode` throws. */
  value(at: number, tag: number, start: number, end: number, decode: Decode): unknown {
    if (at < this.#runEnd) {
      return this.#run[at - this.#runStart];
    }
    if (tag === encodingTag.json && at >= this.#singleEnd && this.#startRun(at, start)) {
      return this.#run[0];
    }
    return decode(tag, this.#frame, start, end);
  }

  #startRun(at: number, start: number): boolean {
    const frame = this.#frame;
    const most = Math.min(maxRunValues, Math.max(minRunValues, Math.ceil(this.wanted)));
    const limit = Math.min(this.#count, at + most);
    let end = start;
    let place = at;
    let header = this.#headersStart + at * valueHeaderBytes;
    for (; place < limit; place++, header += valueHeaderBytes) {
      const bytes = frame.readUInt32LE(header + 4);
      const isText =
        frame[header + 2] === encodingTag.json && frame[header + 3] === answerStatus.found && bytes > 0;
      // What a description claims is checked when its value is read.
      const isThere = end + bytes < this.#headersStart;
      if (!isText || !isThere || bytes > uncheckedJsonBytes || end - start + bytes > maxRunBytes) {
        break;
      }
      end += bytes + 1;
    }
    const count = place - at;
    const values = count < minRunValues ? undefined : decodeJsonRun(frame, start, end - 1, count);
    if (values === undefined) {
      this.#singleEnd = place;
      return false;
    }
    this.#run = values;
    this.#runStart = at;
    this.#runEnd = place;
    return true;
  }
}
