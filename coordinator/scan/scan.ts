/** The result of `scan`, `keys` and `values`. `merged-scan.ts` does the work. */

import { FastKVError } from "../../shared/errors.js";
import { abortError } from "../calls/abort.js";
import type { Key } from "../calls/keys.js";
import { refusedRead } from "../calls/refusals.js";
import { Cursor } from "./cursor.js";
import type { EntryReader, ScanRun } from "./merged-scan.js";

/** Ends scans that were garbage-collected without being read. */
const forgotten = new FinalizationRegistry<() => void>((end) => end());

/** Entries are decoded in chunks. The first ones are small, since most scans that are left are left early. */
const firstChunkEntries = 16;
const maxChunkEntries = 256;

/**
 * The result of `scan`, `keys` and `values`: an async iterable that can be read once. Leaving a loop over it, or
 * aborting its signal, ends it at once.
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
    this.#run.giveUpSeeking();
    return new ScanIterator(this.#run, this.#read, () => this.#finish());
  }

  /** Reads all items into an array. */
  async toArray(): Promise<T[]> {
    this.#takeOnce();
    this.#run.giveUpSeeking();
    try {
      if (!this.#run.isOver) {
        await this.#run.fill();
      }
      // Created only when there is something to put into it: see `ScanRun`.
      const all: T[] = [];
      while (!this.#run.take(this.#read, all, Number.POSITIVE_INFINITY)) {
        await this.#run.fill();
      }
      return all;
    } catch (error) {
      return await refusedRead(error);
    } finally {
      this.#finish();
    }
  }

  /** Returns a cursor, which reads the scan step by step and can seek. Close it. It sees the moment of the scan. */
  cursor(): Cursor<T> {
    this.#takeOnce();
    this.#stopListening();
    forgotten.unregister(this.#run);
    return new Cursor(this.#run, this.#read, this.#signal, this.#track, this.#encodeKey);
  }

  #finish(): void {
    this.#run.end();
    this.#stopListening();
    forgotten.unregister(this.#run);
  }

  #takeOnce(): void {
    if (this.#isTaken) {
      throw new FastKVError("FASTKV_CLOSED", "A scan can be read once; call scan() again");
    }
    this.#isTaken = true;
  }
}

/** Reads a scan in chunks and returns items one by one; items in memory are returned without a wait. */
class ScanIterator<T> implements AsyncIterator<T, undefined>, AsyncIterable<T> {
  readonly #run: ScanRun;
  readonly #read: EntryReader<T>;
  readonly #onFinish: () => void;
  #chunk: T[] = [];
  #chunkEntries = firstChunkEntries;
  #at = 0;
  #isLast = false;
  /** Calls of next() are answered in order, even if they are not awaited one by one. */
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(run: ScanRun, read: EntryReader<T>, onFinish: () => void) {
    this.#run = run;
    this.#read = read;
    this.#onFinish = onFinish;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#waiting === 0) {
      try {
        const ready = this.#take();
        if (ready !== undefined) {
          return Promise.resolve(ready);
        }
      } catch (error) {
        return refusedRead(error);
      }
    }
    this.#waiting += 1;
    const result = this.#turn.then(this.#step, this.#step);
    this.#turn = result;
    return result;
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.#finish();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  readonly #step = async (): Promise<IteratorResult<T, undefined>> => {
    try {
      let result = this.#take();
      while (result === undefined) {
        await this.#run.fill();
        result = this.#take();
      }
      return result;
    } catch (error) {
      this.#finish();
      return await refusedRead(error);
    } finally {
      this.#waiting -= 1;
    }
  };

  /** Returns the next result from memory; undefined if memory must be filled first. */
  #take(): IteratorResult<T, undefined> | undefined {
    try {
      if (this.#at === this.#chunk.length && !this.#isLast) {
        this.#fillChunk();
      }
      if (this.#at < this.#chunk.length) {
        // An abort takes effect between entries, not only between pages.
        this.#run.check();
        this.#at += 1;
        return { done: false, value: this.#chunk[this.#at - 1]! };
      }
      if (!this.#isLast) {
        return undefined;
      }
    } catch (error) {
      this.#finish();
      throw error;
    }
    this.#finish();
    return { done: true, value: undefined };
  }

  #fillChunk(): void {
    this.#chunk = [];
    this.#at = 0;
    this.#isLast = this.#run.take(this.#read, this.#chunk, this.#chunkEntries);
    this.#chunkEntries = Math.min(this.#chunkEntries * 2, maxChunkEntries);
  }

  #finish(): void {
    this.#isLast = true;
    this.#chunk = [];
    this.#at = 0;
    this.#onFinish();
  }
}
