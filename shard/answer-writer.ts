import { toErrorReport } from "../shared/errors.js";
import {
  answerStatus,
  answersHeaderBytes,
  packSmall,
  valueHeaderBytes,
  valueSeparator,
  writeAnswersHeader,
} from "../shared/wire/frame.js";
import type { Entry } from "./engine/iterator/cursor.js";

const firstBytes = 16 * 1024;
const mostKeptBytes = 1024 * 1024;
/** Answers are sent as soon as they reach this size. */
export const fullAnswerBytes = 64 * 1024;

/** Collects answers to reads in one frame. */
export class AnswerWriter {
  #values: Buffer = Buffer.allocUnsafeSlow(firstBytes);
  #valueBytes = 0;
  #headers: Buffer = Buffer.allocUnsafeSlow(firstBytes);
  #answers = 0;

  get isEmpty(): boolean {
    return this.#answers === 0;
  }

  get isFull(): boolean {
    return this.#valueBytes + this.#answers * valueHeaderBytes >= fullAnswerBytes;
  }

  missing(): void {
    this.#add(answerStatus.missing, 0, 0, 0);
  }

  found(entry: Entry, withValue: boolean): void {
    const valueBytes = withValue ? entry.valueEnd - entry.valueStart : 0;
    const at = this.#add(answerStatus.found, entry.tag, entry.expiresAt, valueBytes);
    if (valueBytes > 0) {
      entry.valueBuffer.copy(this.#values, at, entry.valueStart, entry.valueEnd);
    }
  }

  failed(error: unknown): void {
    const report = packSmall(toErrorReport(error));
    const at = this.#add(answerStatus.error, 0, 0, report.length);
    report.copy(this.#values, at);
  }

  /** Returns the frame with all collected answers, in memory of its own. The writer is empty afterwards. */
  take(state: {
    writtenSequence: number;
    syncedSequence: number;
    refusal?: { from: number; to: number; error: unknown };
  }): Buffer {
    const { refusal } = state;
    const report = refusal === undefined ? undefined : packSmall(toErrorReport(refusal.error));
    const reportBytes = report?.length ?? 0;
    const valueBytes = this.#valueBytes;
    const headerBytes = this.#answers * valueHeaderBytes;
    const valuesStart = answersHeaderBytes + reportBytes;
    const frame = Buffer.allocUnsafe(valuesStart + valueBytes + headerBytes);
    writeAnswersHeader(frame, frame.length, {
      writtenSequence: state.writtenSequence,
      syncedSequence: state.syncedSequence,
      refusedFrom: refusal?.from ?? 0,
      refusedTo: refusal?.to ?? 0,
      answers: this.#answers,
      reportBytes,
      valueBytes,
    });
    report?.copy(frame, answersHeaderBytes);
    if (headerBytes > 0) {
      this.#values.copy(frame, valuesStart, 0, valueBytes);
      this.#headers.copy(frame, valuesStart + valueBytes, 0, headerBytes);
    }
    this.#valueBytes = 0;
    this.#answers = 0;
    if (this.#values.length > mostKeptBytes) {
      this.#values = Buffer.allocUnsafeSlow(firstBytes);
    }
    return frame;
  }

  /** Writes an answer's header and returns the place for its value. */
  #add(status: number, tag: number, expiresAt: number, valueBytes: number): number {
    const headerAt = this.#answers * valueHeaderBytes;
    if (headerAt + valueHeaderBytes > this.#headers.length) {
      this.#headers = enlarged(this.#headers, headerAt, headerAt + valueHeaderBytes);
    }
    const headers = this.#headers;
    headers[headerAt] = 0;
    headers[headerAt + 1] = 0;
    headers[headerAt + 2] = tag;
    headers[headerAt + 3] = status;
    headers.writeUInt32LE(valueBytes, headerAt + 4);
    headers.writeDoubleLE(expiresAt, headerAt + 8);
    this.#answers += 1;
    const at = this.#valueBytes;
    this.#valueBytes = at + valueBytes + 1;
    if (this.#valueBytes > this.#values.length) {
      this.#values = enlarged(this.#values, at, this.#valueBytes);
    }
    this.#values[at + valueBytes] = valueSeparator;
    return at;
  }
}

/** Returns a larger buffer with the first `used` bytes of this one. */
function enlarged(buffer: Buffer, used: number, neededBytes: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(Math.max(neededBytes, buffer.length * 2));
  buffer.copy(larger, 0, 0, used);
  return larger;
}
