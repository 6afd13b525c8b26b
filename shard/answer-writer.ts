import { toErrorReport } from "../shared/errors.js";
import {
  answerHeaderBytes,
  answerStatus,
  answersHeaderBytes,
  packSmall,
  writeAnswersHeader,
} from "../shared/wire/frame.js";
import type { Entry } from "./engine/iterator/cursor.js";

const firstBytes = 16 * 1024;
const copiedBytes = 2048;
/** Answers are sent on when they have come to this much. */
export const fullAnswerBytes = 256 * 1024;

/** Gathers answers to reads into one frame. */
export class AnswerWriter {
  #buffer = Buffer.allocUnsafeSlow(firstBytes);
  #length = answersHeaderBytes;
  #answers = 0;

  get isEmpty(): boolean {
    return this.#answers === 0;
  }

  get isFull(): boolean {
    return this.#length >= fullAnswerBytes;
  }

  missing(): void {
    this.#add(answerStatus.missing, 0, 0, 0);
  }

  found(entry: Entry, withValue: boolean): void {
    const valueBytes = withValue ? entry.valueEnd - entry.valueStart : 0;
    const at = this.#add(answerStatus.found, entry.tag, entry.expiresAt, valueBytes);
    if (valueBytes > 0) {
      entry.valueBuffer.copy(this.#buffer, at, entry.valueStart, entry.valueEnd);
    }
  }

  failed(error: unknown): void {
    const report = packSmall(toErrorReport(error));
    const at = this.#add(answerStatus.error, 0, 0, report.length);
    report.copy(this.#buffer, at);
  }

  /** The frame with all that was gathered; the writer starts anew. */
  take(state: {
    writtenSequence: number;
    syncedSequence: number;
    refusal?: { from: number; to: number; error: unknown };
  }): Buffer {
    const { refusal } = state;
    const report = refusal === undefined ? undefined : packSmall(toErrorReport(refusal.error));
    let frame = this.#takeBytes();
    if (report !== undefined) {
      frame = Buffer.concat([
        frame.subarray(0, answersHeaderBytes),
        report,
        frame.subarray(answersHeaderBytes),
      ]);
    }
    writeAnswersHeader(frame, frame.length, {
      writtenSequence: state.writtenSequence,
      syncedSequence: state.syncedSequence,
      refusedFrom: refusal?.from ?? 0,
      refusedTo: refusal?.to ?? 0,
      answers: this.#answers,
      reportBytes: report?.length ?? 0,
    });
    this.#length = answersHeaderBytes;
    this.#answers = 0;
    return frame;
  }

  /** The socket may keep a frame for a while, so it never shares the buffer: a small one is copied, a large one takes it. */
  #takeBytes(): Buffer {
    const bytes = this.#buffer.subarray(0, this.#length);
    if (this.#length <= copiedBytes) {
      const copy = Buffer.allocUnsafe(this.#length);
      bytes.copy(copy);
      return copy;
    }
    this.#buffer = Buffer.allocUnsafeSlow(Math.min(this.#length * 1.25, fullAnswerBytes) | 0);
    return bytes;
  }

  #add(status: number, tag: number, expiresAt: number, valueBytes: number): number {
    const needed = this.#length + answerHeaderBytes + valueBytes;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    const at = this.#length;
    this.#buffer[at] = status;
    this.#buffer[at + 1] = tag;
    this.#buffer[at + 2] = 0;
    this.#buffer[at + 3] = 0;
    this.#buffer.writeUInt32LE(valueBytes, at + 4);
    this.#buffer.writeDoubleLE(expiresAt, at + 8);
    this.#length = needed;
    this.#answers += 1;
    return at + answerHeaderBytes;
  }
}
