import type { ByteString } from "../../../shared/bytes.js";
import { rangeFlag } from "../../../shared/format/operations.js";
import type { KeyRange } from "../../../shared/key-range.js";

/** Hides every version older than `sequence` of the keys in its range. */
export interface RangeDelete extends KeyRange {
  sequence: number;
}

/** The range given by the bounds and flags of a deleteRange operation. */
export function rangeOf(lower: ByteString, upper: ByteString, flags: number): KeyRange {
  return {
    lower: (flags & rangeFlag.lowerExclusive) === 0 ? lower : `${lower}\0`,
    upper:
      (flags & rangeFlag.unbounded) !== 0
        ? null
        : (flags & rangeFlag.upperInclusive) === 0
          ? upper
          : `${upper}\0`,
  };
}

export function rangeHasKey(range: KeyRange, key: ByteString): boolean {
  return key >= range.lower && (range.upper === null || key < range.upper);
}

/** Whether a range has a key in common with the closed interval from `smallest` to `largest`. */
export function rangeTouches(range: KeyRange, smallest: ByteString, largest: ByteString): boolean {
  return largest >= range.lower && (range.upper === null || smallest < range.upper);
}

export function rangeCovers(range: KeyRange, smallest: ByteString, largest: ByteString): boolean {
  return smallest >= range.lower && (range.upper === null || largest < range.upper);
}

/**
 * The oldest range delete that hides version `sequence` of `key` from a reader at `maxSequence`; 0 for none.
 */
export function hidingSequence(
  deletes: readonly RangeDelete[],
  key: ByteString,
  sequence: number,
  maxSequence: number,
): number {
  let oldest = 0;
  for (const range of deletes) {
    if (range.sequence > sequence && range.sequence <= maxSequence && rangeHasKey(range, key)) {
      oldest = oldest === 0 ? range.sequence : Math.min(oldest, range.sequence);
    }
  }
  return oldest;
}
