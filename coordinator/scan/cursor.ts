import { FastKVError } from "../../shared/errors.js";
import { abortError } from "../calls/abort.js";
import type { Key } from "../calls/keys.js";
import { invalidOption, shown } from "../calls/options.js";
import { type ByteRange, rangeFrom } from "../calls/ranges.js";
import type { EntryReader, ScanRun } from "./merged-scan.js";

/** The resources that a cursor must release. Separate from the cursor, so that a forgotten cursor can be collected. */
class CursorRun {
  run: ScanRun;
  readonly #track: (run: ScanRun) => void;
  readonly #wholeRange: ByteRange;
  #isOver: boolean;

  constructor(run: ScanRun, track: (run: ScanRun) => void) {
    this.run = run;
    this.#track = track;
    this.#wholeRange = run.range;
    this.#isOver = run.isOver;
    run.keepHold();
  }

  /** Replaces the run by another run of the same scan, from `target` on. Throws if the scan was ended. */
  moveTo(target: Buffer): void {
    const { run } = this;
    run.check();
    const range = rangeFrom(this.#wholeRange, target, run.isReverse);
    run.end();
    this.run = run.restartIn(range);
    this.#track(this.run);
  }

  end(reason: FastKVError): void {
    if (!this.#isOver) {
      this.#isOver = true;
      this.run.end(reason);
      this.run.giveBackHold();
    }
  }
}

const leftReason = (): FastKVError =>
  new FastKVError("FASTKV_CLOSED", "The cursor is closed. Make another one from a new scan.");

/** Ends cursors that were garbage-collected without being closed. */
const forgotten = new FinalizationRegistry<() => void>((end) => end());

/**
 * Reads a scan step by step, and can seek to other keys. Returned by `scan(...).cursor()`. All reads, including those
 * after a seek, are as of the moment of the scan. Calls take effect in order, awaited or not. Close the cursor: data
 * that it sees cannot be removed by compaction.
 */
export class Cursor<T> implements AsyncDisposable {
  readonly #run: CursorRun;
  readonly #read: EntryReader<T>;
  readonly #encodeKey: (key: Key) => Buffer;
  readonly #end: () => void;
  #turn: Promise<unknown> = Promise.resolve();

  /** @internal Use `Scan.cursor`. */
  constructor(
    run: ScanRun,
    read: EntryReader<T>,
    signal: AbortSignal | undefined,
    track: (run: ScanRun) => void,
    encodeKey: (key: Key) => Buffer,
  ) {
    const cursorRun = new CursorRun(run, track);
    this.#run = cursorRun;
    this.#read = read;
    this.#encodeKey = encodeKey;
    const onAbort = (): void => cursorRun.end(abortError(signal!));
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#end = () => {
      cursorRun.end(leftReason());
      signal?.removeEventListener("abort", onAbort);
    };
    forgotten.register(this, this.#end, cursorRun);
  }

  /**
   * Returns the next entry, key or value; undefined at the end of the scan.
   *
   * @throws FastKVError `FASTKV_CLOSED`, `FASTKV_ABORTED`, `FASTKV_SHARD_UNAVAILABLE`, and `FASTKV_INVALID_KEY` or
   * `FASTKV_INVALID_VALUE` for an entry that cannot be decoded.
   */
  async next(): Promise<T | undefined> {
    return (await this.#inTurn(1))[0];
  }

  /**
   * Returns the next `max` items, like repeated calls of `next`. Returns fewer at the end of the scan, and none after
   * it. If an item cannot be decoded, the items before it are returned first, and the next read fails.
   */
  async read(max: number): Promise<T[]> {
    if (max !== Number.POSITIVE_INFINITY && !(Number.isInteger(max) && max > 0)) {
      throw invalidOption(`A cursor reads a whole number of entries above 0, not ${shown(max)}`);
    }
    return this.#inTurn(max);
  }

  /**
   * Moves the cursor to the first key at or after `target`, in the direction of the scan. `target` may lie before the
   * current position. If it is outside the scan's range, the cursor is at its end. An entry counts toward the scan's
   * limit each time it is read. If the cursor is closed, the next read fails.
   *
   * @throws FastKVError `FASTKV_INVALID_KEY`.
   */
  seek(target: Key): void {
    const bytes = this.#encodeKey(target);
    const move = (): void => this.#run.moveTo(bytes);
    this.#turn = this.#turn.then(move, move);
    // If the scan was ended, the next read reports it.
    this.#turn.catch(() => undefined);
  }

  /** Releases the cursor. Reads in progress fail with `FASTKV_CLOSED`. A second call does nothing. */
  async close(): Promise<void> {
    this.#end();
    forgotten.unregister(this.#run);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #inTurn(max: number): Promise<T[]> {
    const gather = (): Promise<T[]> => this.#gather(max);
    const result = this.#turn.then(gather, gather);
    this.#turn = result;
    return result;
  }

  async #gather(max: number): Promise<T[]> {
    const { run } = this.#run;
    const items: T[] = [];
    while (!run.take(this.#read, items, max - items.length) && items.length < max) {
      if (run.isStuck && items.length > 0) {
        break;
      }
      await run.fill();
    }
    return items;
  }
}
