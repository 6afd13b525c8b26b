import { type ErrorReport, type FastKVError, fromErrorReport } from "../../shared/errors.js";
import { type AnswersHeader, answersHeaderBytes, unpackSmall } from "../../shared/wire/frame.js";
import { ValueReader } from "../encoding/value-reader.js";

/** Reads the answers in a frame one by one. */
export class AnswerReader extends ValueReader {
  constructor(frame: Buffer, { reportBytes, valueBytes }: AnswersHeader) {
    const valuesStart = answersHeaderBytes + reportBytes;
    super(frame, valuesStart, valuesStart + valueBytes, frame.length);
  }

  get status(): number {
    return this.frame[this.header + 3]!;
  }

  /** If the status is `error`: the error that the shard reported. */
  error(): FastKVError {
    return fromErrorReport(unpackSmall(this.frame.subarray(this.valueStart, this.valueEnd)) as ErrorReport);
  }
}
