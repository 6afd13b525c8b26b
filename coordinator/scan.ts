/** What `scan`, `keys` and `values` answer. The work is done in `merged-scan.ts`. */

import { FastKVError } from "../shared/errors.js";
import { Cursor } from "./cursor.js";
import type { Key } from "./keys.js";
import { abortError, type EntryReader, type ScanRun } from "./merged-scan.js";

/** Runs of scans that were never read and are no longer referenced. */
const forgotten = new FinalizationRegistry<ScanRun>((run) => run.end());

const chunkEntries = 256;

/**
 * What `scan`, `keys` and `values` answer: an async iterable that may be read once. Leaving a loop over it, or its
 * signal, ends it at once.
 */
export class Scan<T> implements AsyncIterable<T> {
  readonly #run: ScanRun;
  readonly #read: EntryReader<T>;
  readonly #signal: AbortSignal | undefined;
  readonly #track: (run: ScanRun) => void;
  readonly #encodeKey: (key: Key) => Buffer;
  readonly #stopListening: () => void;
  #isTaken = false;

  constructor(
    run: ScanRun,
    read: EntryReader<T>,
    signal: AbortSignal | undefined,
    track: (run: ScanRun) => void,
    encodeKey: (key: Key) => Buffer,
  ) {
    this.#run = run;
    this.#read = read;
    this.#signal = signal;
    this.#track = track;
    this.#encodeKey = encodeKey;
    track(run);
    forgotten.register(this, run, run);
    const onAbort = (): void => run.end(abortError(signal!));
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#stopListening = () => signal?.removeEventListener("abort", onAbort);
    if (signal?.aborted) {
      onAbort();
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> & AsyncIterable<T> {
    this.#takeOnce();
    const run = this.#run;
    const read = this.#read;
    let chunk: T[] = [];
    let at = 0;
    let isLast = false;
    // Calls of next() are answered in order, also where they are not awaited one by one.
    let turn: Promise<unknown> = Promise.resolve();
    const finish = (): void => {
      run.end();
      this.#stopListening();
      forgotten.unregister(run);
    };
    const step = async (): Promise<IteratorResult<T, undefined>> => {
      try {
        while (at === chunk.length && !isLast) {
          chunk = [];
          at = 0;
          isLast = run.take(read, chunk, chunkEntries);
          if (!isLast && chunk.length === 0) {
            await run.fill();
          }
        }
        // An abort is felt between entries, not only between pages.
        if (at < chunk.length) {
          run.check();
          at += 1;
          return { done: false, value: chunk[at - 1]! };
        }
        finish();
        return { done: true, value: undefined };
      } catch (error) {
        isLast = true;
        chunk = [];
        at = 0;
        finish();
        throw error;
      }
    };
    const iterator: AsyncIterator<T, undefined> & AsyncIterable<T> = {
      next: () => {
        const result = turn.then(step, step);
        turn = result;
        return result;
      },
      return: async () => {
        isLast = true;
        chunk = [];
        at = 0;
        finish();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** Reads everything into an array. */
  async toArray(): Promise<T[]> {
    this.#takeOnce();
    const all: T[] = [];
    try {
      while (!this.#run.take(this.#read, all, Number.POSITIVE_INFINITY)) {
        await this.#run.fill();
      }
      return all;
    } finally {
      this.#run.end();
      this.#stopListening();
      forgotten.unregister(this.#run);
    }
  }

  /** Reads it step by step, and from other keys on. The cursor has to be closed; the moment it sees is the scan's. */
  cursor(): Cursor<T> {
    this.#takeOnce();
    this.#stopListening();
    forgotten.unregister(this.#run);
    return new Cursor(this.#run, this.#read, this.#signal, this.#track, this.#encodeKey);
  }

  #takeOnce(): void {
    if (this.#isTaken) {
      throw new FastKVError("FASTKV_CLOSED", "A scan can be read once; call scan() again");
    }
    this.#isTaken = true;
  }
}
