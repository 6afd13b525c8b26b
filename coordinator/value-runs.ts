import { decodeJsonRun, uncheckedJsonBytes } from "../shared/codec/json-codec.js";
import { encodingTag } from "../shared/format/value-encoding.js";
import { answerStatus, valueHeaderBytes } from "../shared/wire/frame.js";

export type Decode = (tag: number, bytes: Buffer, start: number, end: number) => unknown;

/** Whoever leaves a scan early has decoded at most so many values for nothing. */
const maxRunValues = 32;
const maxRunBytes = 8 * 1024;
/** Fewer cost less one by one. */
const minRunValues = 3;

/**
 * Decodes the values of one frame, which lie one behind the other: JSON texts many at a time. Ask for values in their
 * order, and for none twice.
 */
export class ValueRuns {
  readonly #frame: Buffer;
  /** Where the descriptions of the values are. */
  readonly #headersStart: number;
  readonly #count: number;
  /** About how many more values will be asked for: hardly more are decoded at once. */
  wanted = Number.POSITIVE_INFINITY;
  #run: unknown[] = [];
  /** The run has the values from here ... */
  #runStart = 0;
  /** ... up to here. */
  #runEnd = 0;
  /** Up to here they are decoded one by one. */
  #singleEnd = 0;

  constructor(frame: Buffer, headersStart: number, count: number) {
    this.#frame = frame;
    this.#headersStart = headersStart;
    this.#count = count;
  }

  /** The value at place `at`, with `tag`, in `frame[start..end)`. Throws what `decode` throws. */
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
