/** Converts the bounds that a program gives to the half-open range that shards read. Pure. */

import { FastKVError } from "../../shared/errors.js";
import { type Key, type KeyScratch, keyBytes } from "./keys.js";
import { withContext } from "./refusals.js";

/** Selects keys: all given bounds must hold. An inverted range is empty. An empty key is a valid bound. */
export interface RangeOptions {
  /** Only keys that start with this. */
  prefix?: Key | undefined;
  /** Only keys after this one. */
  gt?: Key | undefined;
  /** Only this key and those after it. */
  gte?: Key | undefined;
  /** Only keys before this one. */
  lt?: Key | undefined;
  /** Only this key and those before it. */
  lte?: Key | undefined;
}

/**
 * From `lower`, inclusive, to `upper`, exclusive; null means no upper end. Bounds may be one byte longer than a key.
 */
export interface ByteRange {
  lower: Buffer;
  upper: Buffer | null;
}

export const rangeNames: readonly (keyof RangeOptions)[] = ["prefix", "gt", "gte", "lt", "lte"];

const zero = Buffer.alloc(1);

/** The first key after `key` in byte order. */
function successor(key: Buffer): Buffer {
  return Buffer.concat([key, zero]);
}

/** The first key after all keys that start with `prefix`; null if there is none. */
function prefixEnd(prefix: Buffer): Buffer | null {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) {
    length -= 1;
  }
  if (length === 0) {
    return null;
  }
  const end = Buffer.from(prefix.subarray(0, length));
  end[length - 1] = end[length - 1]! + 1;
  return end;
}

function boundBytes(scratch: KeyScratch, name: string, bound: Key): Buffer {
  try {
    return keyBytes(scratch, bound);
  } catch (error) {
    throw withContext(`Option ${name}`, error);
  }
}

/** @throws FastKVError `FASTKV_INVALID_KEY` for an invalid bound, `FASTKV_INVALID_OPTION` for two that contradict. */
export function resolveRange(scratch: KeyScratch, options: RangeOptions): ByteRange {
  if (options.gt !== undefined && options.gte !== undefined) {
    throw new FastKVError("FASTKV_INVALID_OPTION", "Give gt or gte, not both");
  }
  if (options.lt !== undefined && options.lte !== undefined) {
    throw new FastKVError("FASTKV_INVALID_OPTION", "Give lt or lte, not both");
  }
  const lowers: Buffer[] = [Buffer.alloc(0)];
  const uppers: Buffer[] = [];
  if (options.prefix !== undefined) {
    const prefix = boundBytes(scratch, "prefix", options.prefix);
    lowers.push(prefix);
    const end = prefixEnd(prefix);
    if (end !== null) {
      uppers.push(end);
    }
  }
  if (options.gt !== undefined) {
    lowers.push(successor(boundBytes(scratch, "gt", options.gt)));
  }
  if (options.gte !== undefined) {
    lowers.push(boundBytes(scratch, "gte", options.gte));
  }
  if (options.lt !== undefined) {
    uppers.push(boundBytes(scratch, "lt", options.lt));
  }
  if (options.lte !== undefined) {
    uppers.push(successor(boundBytes(scratch, "lte", options.lte)));
  }
  return {
    lower: lowers.reduce((a, b) => (Buffer.compare(a, b) >= 0 ? a : b)),
    upper: uppers.length === 0 ? null : uppers.reduce((a, b) => (Buffer.compare(a, b) <= 0 ? a : b)),
  };
}

export function isEmptyRange({ lower, upper }: ByteRange): boolean {
  return upper !== null && Buffer.compare(lower, upper) >= 0;
}

/**
 * Returns the part of a range from `target` on, in the direction of reading; empty if `target` is outside the range.
 */
export function rangeFrom(range: ByteRange, target: Buffer, reverse: boolean): ByteRange {
  const { lower, upper } = range;
  const isInside =
    Buffer.compare(target, lower) >= 0 && (upper === null || Buffer.compare(target, upper) < 0);
  if (!isInside) {
    return { lower, upper: lower };
  }
  return reverse ? { lower, upper: successor(target) } : { lower: target, upper };
}
