import { type FastKVError, invariant, restated } from "../../shared/errors.js";
import { answerStatus } from "../../shared/wire/frame.js";
import { Fifo } from "../event-loop/fifo.js";
import type { AnswerReader } from "./answer-reader.js";
import { overheadBytesPerOperation } from "./outbox.js";
import type { PendingRead } from "./pending.js";

/** The reads of one shard that wait for their answers, which arrive in the order of calls. */
export class PendingReads {
  readonly #reads = new Fifo<PendingRead>();
  /** The bytes that they count as in flight. */
  inFlightBytes = 0;

  get isEmpty(): boolean {
    return this.#reads.length === 0;
  }

  add(read: PendingRead, keyBytes: number): void {
    read.inFlightBytes = keyBytes + overheadBytesPerOperation;
    this.inFlightBytes += read.inFlightBytes;
    this.#reads.push(read);
  }

  /** Passes the answers of a frame to the reads to which they belong. */
  answer(answer: AnswerReader): void {
    while (answer.next()) {
      const { status } = answer;
      const isValue = status === answerStatus.missing || status === answerStatus.found;
      const error = isValue ? undefined : answer.error();
      // From here on nothing may throw: a read that was removed from the queue must be answered.
      const read = this.#reads.shift();
      invariant(read !== undefined, "each answer belongs to a read");
      this.inFlightBytes -= read.inFlightBytes;
      if (status === answerStatus.found) {
        read.onFound(answer);
      } else if (status === answerStatus.missing) {
        read.onMissing();
      } else {
        read.onError(error!);
      }
    }
  }

  /**
   * After a restart, calls `ask` for the unanswered reads in their order, except those that the owner repeats itself.
   */
  askAgain(ask: (read: PendingRead) => void): void {
    for (const read of this.#reads.takeAll()) {
      if (read.onRestart()) {
        ask(read);
        this.#reads.push(read);
      } else {
        this.inFlightBytes -= read.inFlightBytes;
      }
    }
  }

  rejectAll(error: FastKVError): void {
    this.inFlightBytes = 0;
    const ofReads = restated(error, { writeOutcome: "none" });
    for (const read of this.#reads.takeAll()) {
      read.onError(ofReads);
    }
  }
}
