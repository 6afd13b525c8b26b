import type { ByteString } from "../shared/bytes.js";
import { PageReader } from "./page-reader.js";

/** A part of the key space, from `lower` (included) to `upper` (excluded; null: no end). */
export interface KeyInterval {
  lower: ByteString;
  upper: ByteString | null;
}

/** Reads, of a page that was kept for later scans, what lies in the interval of this one. */
export class KeptPageReader extends PageReader {
  readonly #interval: KeyInterval;
  readonly #isReverse: boolean;
  /** The first entry has been looked at, and is still to be given. */
  #isAhead: boolean;
  /** How many entries there are at most, those behind the interval included. */
  readonly entriesLeft: number;
  /** About how long they are; never 0. */
  readonly bytesLeft: number;

  constructor(frame: Buffer, interval: KeyInterval, isReverse: boolean) {
    super(frame);
    this.#interval = interval;
    this.#isReverse = isReverse;
    let left = this.entries;
    let isThere = super.next();
    while (isThere && this.#isBefore()) {
      left -= 1;
      isThere = super.next();
    }
    this.#isAhead = isThere;
    this.entriesLeft = left;
    this.bytesLeft = (frame.length * (left + 1)) / (this.entries + 1);
  }

  override next(): boolean {
    if (this.#isAhead) {
      this.#isAhead = false;
    } else if (!super.next()) {
      return false;
    }
    return !this.#isBehind();
  }

  #isBefore(): boolean {
    const { lower, upper } = this.#interval;
    return this.#isReverse ? upper !== null && this.key >= upper : this.key < lower;
  }

  #isBehind(): boolean {
    const { lower, upper } = this.#interval;
    return this.#isReverse ? this.key < lower : upper !== null && this.key >= upper;
  }
}
