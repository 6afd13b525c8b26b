import { type ErrorReport, type FastKVError, fromErrorReport } from "../../shared/errors.js";
import { type AnswersHeader, answersHeaderBytes, unpackSmall } from "../../shared/wire/frame.js";
import { ValueReader } from "../value-reader.js";

/** Reads the answers of a frame, one after the other. */
export class AnswerReader extends ValueReader {
  constructor(frame: Buffer, { reportBytes, valueBytes }: AnswersHeader) {
    const valuesStart = answersHeaderBytes + reportBytes;
    super(frame, valuesStart, valuesStart + valueBytes, frame.length);
  }

  get status(): number {
    return this.frame[this.header + 3]!;
  }

  /** Where the status is `error`: what the shard reported. */
  error(): FastKVError {
    return fromErrorReport(unpackSmall(this.frame.subarray(this.valueStart, this.valueEnd)) as ErrorReport);
  }
}
