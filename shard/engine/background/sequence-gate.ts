import { FastKVError } from "../../../shared/errors.js";

/** Lets work wait until a sequence number is reached: here, until the batch log is on disk up to that number. */
export class SequenceGate {
  #sequence: number;
  #waiting: (() => void)[] = [];
  #isClosed = false;

  constructor(sequence: number) {
    this.#sequence = sequence;
  }

  /** A number below the current one has no effect. */
  advance(sequence: number): void {
    if (sequence > this.#sequence) {
      this.#sequence = sequence;
      this.#wake();
    }
  }

  /** Rejects with `FASTKV_CLOSED` if the gate is closed first. */
  async reached(sequence: number): Promise<void> {
    while (this.#sequence < sequence) {
      if (this.#isClosed) {
        throw new FastKVError("FASTKV_CLOSED", "The shard was closed");
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const proceed of waiting) {
      proceed();
    }
  }
}
