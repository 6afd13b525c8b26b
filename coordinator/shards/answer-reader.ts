import { type ErrorReport, type FastKVError, fromErrorReport, invariant } from "../../shared/errors.js";
import {
  type AnswersHeader,
  answersHeaderBytes,
  unpackSmall,
  valueHeaderBytes,
} from "../../shared/wire/frame.js";
import { type Decode, ValueRuns } from "../value-runs.js";

/** Makes of a value's bytes what the read cache keeps. */
export type Keep = (tag: number, bytes: Buffer, start: number, end: number) => string;

/** What was found for a key. Lent: it tells of the next answer as soon as that is read. */
export interface FoundValue {
  readonly tag: number;
  /** In ms; 0: never. */
  readonly expiresAt: number;
  /** The decoded value, to be asked for once. Throws what `decode` throws. */
  value(decode: Decode): unknown;
  /** How long the value is as it is stored. */
  readonly valueBytes: number;
  /** The value's bytes as a string, as `keep` makes it. */
  kept(keep: Keep): string;
}

/** Reads the answers of a frame, one after the other. */
export class AnswerReader implements FoundValue {
  readonly #frame: Buffer;
  readonly #headersStart: number;
  readonly #count: number;
  readonly #values: ValueRuns;
  #at = -1;
  #header: number;
  #valueStart: number;
  #valueEnd: number;

  constructor(frame: Buffer, { reportBytes, valueBytes, answers }: AnswersHeader) {
    const valuesStart = answersHeaderBytes + reportBytes;
    this.#frame = frame;
    this.#headersStart = valuesStart + valueBytes;
    this.#count = answers;
    this.#values = new ValueRuns(frame, this.#headersStart, answers);
    this.#header = this.#headersStart - valueHeaderBytes;
    this.#valueStart = valuesStart;
    this.#valueEnd = valuesStart - 1;
  }

  /** Moves on to the next answer; false where there is none. */
  next(): boolean {
    this.#at += 1;
    if (this.#at >= this.#count) {
      return false;
    }
    this.#header += valueHeaderBytes;
    this.#valueStart = this.#valueEnd + 1;
    this.#valueEnd = this.#valueStart + this.#frame.readUInt32LE(this.#header + 4);
    invariant(this.#valueEnd < this.#headersStart, "answers have their values");
    return true;
  }

  // Of the current answer

  get tag(): number {
    return this.#frame[this.#header + 2]!;
  }

  get status(): number {
    return this.#frame[this.#header + 3]!;
  }

  get expiresAt(): number {
    return this.#frame.readDoubleLE(this.#header + 8);
  }

  value(decode: Decode): unknown {
    return this.#values.value(this.#at, this.tag, this.#valueStart, this.#valueEnd, decode);
  }

  get valueBytes(): number {
    return this.#valueEnd - this.#valueStart;
  }

  kept(keep: Keep): string {
    return keep(this.tag, this.#frame, this.#valueStart, this.#valueEnd);
  }

  /** Where the status is `error`: what the shard reported. */
  error(): FastKVError {
    return fromErrorReport(
      unpackSmall(this.#frame.subarray(this.#valueStart, this.#valueEnd)) as ErrorReport,
    );
  }
}
