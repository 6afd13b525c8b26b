/** What `scan`, `keys` and `values` answer. The work is done in `merged-scan.ts`. */

import { FastKVError } from "../shared/errors.js";
import { Cursor } from "./cursor.js";
import type { Key } from "./keys.js";
import { abortError, type EntryReader, type ScanRun } from "./merged-scan.js";
import { refusedRead } from "./refusals.js";

/** For scans that were never read and are no longer referenced: what ends them. */
const forgotten = new FinalizationRegistry<() => void>((end) => end());

/** Entries are decoded so many at a time: few at first, since most who leave a scan leave it early. */
const firstChunkEntries = 16;
const maxChunkEntries = 256;

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
    const onAbort = (): void => run.end(abortError(signal!));
    signal?.addEventListener("abort", onAbort, { once: true });
    const stopListening = (): void => signal?.removeEventListener("abort", onAbort);
    this.#stopListening = stopListening;
    const endUnread = (): void => {
      run.end();
      stopListening();
    };
    forgotten.register(this, endUnread, run);
    if (signal?.aborted) {
      onAbort();
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> & AsyncIterable<T> {
    this.#takeOnce();
    const run = this.#run;
    const read = this.#read;
    let chunk: T[] = [];
    let chunkEntries = firstChunkEntries;
    let at = 0;
    let isLast = false;
    // Calls of next() are answered in order, also where they are not awaited one by one.
    let turn: Promise<unknown> = Promise.resolve();
    let waiting = 0;
    const finish = (): void => {
      isLast = true;
      chunk = [];
      at = 0;
      run.end();
      this.#stopListening();
      forgotten.unregister(run);
    };
    /** The next result, from what is in memory; undefined where that has to be filled first. */
    const take = (): IteratorResult<T, undefined> | undefined => {
      try {
        if (at === chunk.length && !isLast) {
          chunk = [];
          at = 0;
          isLast = run.take(read, chunk, chunkEntries);
          chunkEntries = Math.min(chunkEntries * 2, maxChunkEntries);
        }
        if (at < chunk.length) {
          // An abort is felt between entries, not only between pages.
          run.check();
          at += 1;
          return { done: false, value: chunk[at - 1]! };
        }
        if (!isLast) {
          return undefined;
        }
      } catch (error) {
        finish();
        throw error;
      }
      finish();
      return { done: true, value: undefined };
    };
    const step = async (): Promise<IteratorResult<T, undefined>> => {
      try {
        let result = take();
        while (result === undefined) {
          await run.fill();
          result = take();
        }
        return result;
      } catch (error) {
        finish();
        return await refusedRead(error);
      } finally {
        waiting -= 1;
      }
    };
    const iterator: AsyncIterator<T, undefined> & AsyncIterable<T> = {
      next: () => {
        if (waiting === 0) {
          try {
            const ready = take();
            if (ready !== undefined) {
              return Promise.resolve(ready);
            }
          } catch (error) {
            return refusedRead(error);
          }
        }
        waiting += 1;
        const result = turn.then(step, step);
        turn = result;
        return result;
      },
      return: async () => {
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
    try {
      if (!this.#run.isOver) {
        await this.#run.fill();
      }
      // Made when there is something to put into it: see `ScanRun`.
      const all: T[] = [];
      while (!this.#run.take(this.#read, all, Number.POSITIVE_INFINITY)) {
        await this.#run.fill();
      }
      return all;
    } catch (error) {
      return await refusedRead(error);
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
