import type { FastKVError } from "../../shared/errors.js";
import { Fifo } from "../event-loop/fifo.js";
import type { PendingWrite } from "./pending.js";

/** Two watermarks: how far something is written, and how far it is on disk. */
export interface WriteMarks {
  written: number;
  synced: number;
}

/**
 * The writes of one shard that wait for their acknowledgement, by watermark: some wait until they are in the shard's
 * WAL, others until they are on disk. No write after a part of a logged batch is acknowledged before the record of that
 * batch is as durable as the acknowledgement promises.
 */
export class PendingWrites {
  readonly #written = new Fifo<PendingWrite>();
  readonly #synced = new Fifo<PendingWrite>();
  /** Sequence numbers of parts of logged batches whose records are not yet on disk. */
  readonly #logged = new Fifo<number>();

  get isEmpty(): boolean {
    return this.#written.length === 0 && this.#synced.length === 0;
  }

  /** Whether the log record of an earlier batch is not yet on disk. */
  get waitsForLog(): boolean {
    return this.#logged.length > 0;
  }

  add(write: PendingWrite, untilSynced: boolean): void {
    (untilSynced ? this.#synced : this.#written).push(write);
  }

  noteLogged(sequence: number): void {
    this.#logged.push(sequence);
  }

  /** Returns true if the shard does not know this yet. */
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

  /** Acknowledges the writes that the shard and the batch log have reached. */
  settle(shard: WriteMarks, log: WriteMarks): void {
    resolveUpTo(this.#written, Math.min(shard.written, this.#bound(log.written)));
    resolveUpTo(this.#synced, Math.min(shard.synced, this.#bound(log.synced)));
  }

  /** Rejects the writes from `from` to `to`, which the shard refused. */
  refuse(from: number, to: number, error: FastKVError): void {
    const isRefused = ({ sequence, isBarrier }: PendingWrite): boolean =>
      isBarrier !== true && sequence >= from && sequence <= to;
    rejectWhere(this.#written, error, isRefused);
    rejectWhere(this.#synced, error, isRefused);
  }

  /**
   * The batch log is lost: rejects writes after a batch that is missing in it, since they can never become as durable
   * as requested.
   */
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

  /** Returns the last sequence number before the first logged part that the log does not have. */
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
