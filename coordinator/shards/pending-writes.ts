import type { FastKVError } from "../../shared/errors.js";
import { Fifo } from "../fifo.js";
import type { PendingWrite } from "./pending.js";

/** A pair of marks: how far something is written, and how far it is on disk. */
export interface WriteMarks {
  written: number;
  synced: number;
}

/**
 * The writes of one shard that wait for their acknowledgement, by watermark: some wait until they are in the shard's
 * WAL, others until they are on disk. Nothing behind a part of a logged batch is acknowledged before the batch's
 * record is as durable as the acknowledgement says.
 */
export class PendingWrites {
  readonly #written = new Fifo<PendingWrite>();
  readonly #synced = new Fifo<PendingWrite>();
  /** Sequence numbers of the parts of logged batches here whose records are not yet on disk. */
  readonly #logged = new Fifo<number>();

  get isEmpty(): boolean {
    return this.#written.length === 0 && this.#synced.length === 0;
  }

  /** Whether a batch before what comes now is not yet on disk in the batch log. */
  get waitsForLog(): boolean {
    return this.#logged.length > 0;
  }

  add(write: PendingWrite, untilSynced: boolean): void {
    (untilSynced ? this.#synced : this.#written).push(write);
  }

  noteLogged(sequence: number): void {
    this.#logged.push(sequence);
  }

  /** True where that is news to the shard. */
  noteLogSynced(sequence: number): boolean {
    let isNews = false;
    for (
      let first = this.#logged.peek();
      first !== undefined && first <= sequence;
      first = this.#logged.peek()
    ) {
      this.#logged.shift();
      isNews = true;
    }
    return isNews;
  }

  /** Acknowledges what the shard and the batch log have by now. */
  settle(shard: WriteMarks, log: WriteMarks): void {
    resolveUpTo(this.#written, Math.min(shard.written, this.#bound(log.written)));
    resolveUpTo(this.#synced, Math.min(shard.synced, this.#bound(log.synced)));
  }

  /** The shard refused what came from `from` to `to`. */
  refuse(from: number, to: number, error: FastKVError): void {
    const isRefused = ({ sequence, isBarrier }: PendingWrite): boolean =>
      isBarrier !== true && sequence >= from && sequence <= to;
    rejectWhere(this.#written, error, isRefused);
    rejectWhere(this.#synced, error, isRefused);
  }

  /** The batch log is lost: what stands behind a batch that it does not have will never be as durable as asked. */
  failBehindLog(log: WriteMarks, error: FastKVError): void {
    const written = this.#bound(log.written);
    const synced = this.#bound(log.synced);
    rejectWhere(this.#written, error, ({ sequence }) => sequence > written);
    rejectWhere(this.#synced, error, ({ sequence }) => sequence > synced);
  }

  rejectAll(error: FastKVError): void {
    for (const write of [...this.#written.takeAll(), ...this.#synced.takeAll()]) {
      write.reject(error);
    }
  }

  /** The last sequence number before the first logged part here that the log does not have. */
  #bound(logSequence: number): number {
    if (this.#logged.length === 0) {
      return Number.POSITIVE_INFINITY;
    }
    for (const sequence of this.#logged) {
      if (sequence > logSequence) {
        return sequence - 1;
      }
    }
    return Number.POSITIVE_INFINITY;
  }
}

function resolveUpTo(queue: Fifo<PendingWrite>, sequence: number): void {
  for (let first = queue.peek(); first !== undefined && first.sequence <= sequence; first = queue.peek()) {
    queue.shift();
    first.resolve();
  }
}

function rejectWhere(
  queue: Fifo<PendingWrite>,
  error: FastKVError,
  isConcerned: (write: PendingWrite) => boolean,
): void {
  for (const write of queue.takeAll()) {
    if (isConcerned(write)) {
      write.reject(error);
    } else {
      queue.push(write);
    }
  }
}
