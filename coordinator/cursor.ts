import { FastKVError } from "../shared/errors.js";
import type { Key } from "./keys.js";
import { abortError, type EntryReader, type ScanRun } from "./merged-scan.js";
import { invalidOption, shown } from "./options.js";
import { type ByteRange, rangeFrom } from "./ranges.js";

/** What a cursor must give back. Apart, so that a forgotten cursor is collected. */
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

  /** Leaves the run for another one of the same scan. Throws where the scan was ended. */
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

/** Runs of cursors that were forgotten without being closed. */
const forgotten = new FinalizationRegistry<CursorRun>((run) => run.end(leftReason()));

/**
 * A scan that is read step by step, and from other keys on: what `scan(...).cursor()` gives. All that it reads, also
 * after a seek, is as of the moment of the scan. Calls take effect in their order, awaited or not. Close it: what it
 * sees cannot be compacted away.
 */
export class Cursor<T> implements AsyncDisposable {
  readonly #run: CursorRun;
  readonly #read: EntryReader<T>;
  readonly #encodeKey: (key: Key) => Buffer;
  readonly #stopListening: () => void;
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
    forgotten.register(this, cursorRun, cursorRun);
    const onAbort = (): void => cursorRun.end(abortError(signal!));
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#stopListening = () => signal?.removeEventListener("abort", onAbort);
  }

  /**
   * The next entry, key or value; undefined at the end of the scan.
   *
   * @throws FastKVError `FASTKV_CLOSED`, `FASTKV_ABORTED`, `FASTKV_SHARD_UNAVAILABLE`, `FASTKV_INVALID_KEY` and
   * `FASTKV_INVALID_VALUE` for one that cannot be read.
   */
  async next(): Promise<T | undefined> {
    return (await this.#inTurn(1))[0];
  }

  /** The next `max` ones, as `next` gives them; fewer at the end of the scan, and then none. One that cannot be read fails when those before it were given. */
  async read(max: number): Promise<T[]> {
    if (max !== Number.POSITIVE_INFINITY && !(Number.isInteger(max) && max > 0)) {
      throw invalidOption(`A cursor reads a whole number of entries above 0, not ${shown(max)}`);
    }
    return this.#inTurn(max);
  }

  /**
   * What is read next is the first at or after `target` in the direction of the scan, also where that is behind. Where
   * the scan's range does not have `target`, it is at its end. Entries count into the scan's limit as often as they
   * are read. Where the cursor is closed, the next read says so.
   *
   * @throws FastKVError `FASTKV_INVALID_KEY`.
   */
  seek(target: Key): void {
    const bytes = this.#encodeKey(target);
    const move = (): void => this.#run.moveTo(bytes);
    this.#turn = this.#turn.then(move, move);
    // Where the scan was ended, the next read says so.
    this.#turn.catch(() => undefined);
  }

  /** Gives it back; reads under way fail with `FASTKV_CLOSED`. A second call does nothing. */
  async close(): Promise<void> {
    this.#run.end(leftReason());
    this.#stopListening();
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
