import type { Snapshot } from "../snapshot/snapshot.js";
import { checkSignal } from "./abort.js";
import type { ClearOptions, ScanOptions } from "./call-options.js";
import type { Key } from "./keys.js";
import { checkNames, invalidOption, shown } from "./options.js";
import { type RangeOptions, rangeNames } from "./ranges.js";

/** Options that restrict which keys a clear removes. */
const narrowingNames = [...rangeNames, "limit", "snapshot"] as const;
const clearNames = [...narrowingNames, "reverse"];
const scanNames = [...clearNames, "keyEncoding", "signal"];

/** The checked and completed options of a scan. */
export interface CheckedScan {
  range: RangeOptions;
  reverse: boolean;
  /** Infinity means all. */
  limit: number;
  keyEncoding: "utf8" | "binary";
  snapshot: Snapshot | undefined;
  signal: AbortSignal | undefined;
}

/** Accepts both forms of a scan's arguments: `(prefix, limit)` and `(options)`. Throws `FASTKV_INVALID_OPTION`. */
export function scanOptions(
  call: string,
  first: Key | ScanOptions | undefined,
  limit: number | undefined,
): ScanOptions {
  if (first === undefined || typeof first === "string" || first instanceof Uint8Array) {
    return { prefix: first, limit };
  }
  checkNames(call, first, scanNames);
  if (limit !== undefined) {
    throw invalidOption(`${call} takes a prefix and a limit, or options. Put the limit into the options`);
  }
  return first;
}

/** Checks and completes the arguments of a scan. Throws `FASTKV_INVALID_OPTION`. */
export function checkScan(
  call: string,
  first: Key | ScanOptions | undefined,
  limit: number | undefined,
): CheckedScan {
  const options = scanOptions(call, first, limit);
  const { keyEncoding = "utf8" } = options;
  if (keyEncoding !== "utf8" && keyEncoding !== "binary") {
    throw invalidOption(`Option keyEncoding must be "utf8" or "binary", not ${shown(keyEncoding)}`);
  }
  checkSignal(options.signal);
  return {
    range: options,
    reverse: checkReverse(options.reverse),
    limit: checkLimit(options.limit),
    keyEncoding,
    snapshot: options.snapshot,
    signal: options.signal,
  };
}

/** Checks and completes the options of a clear. Throws `FASTKV_INVALID_OPTION`. */
export function checkClear(options: ClearOptions): ClearOptions & { reverse: boolean; limit: number } {
  checkNames("clear", options, clearNames);
  const missing = narrowingNames.filter((name) => name in options && options[name] === undefined);
  if (missing.length > 0) {
    throw invalidOption(
      `clear would take more keys than were meant, since ${missing.join(", ")} is undefined. Leave it out if it is to.`,
    );
  }
  const reverse = checkReverse(options.reverse);
  if (reverse && options.limit === undefined) {
    throw invalidOption(
      "Option reverse of clear says which keys a limit takes. Give a limit, or leave it out.",
    );
  }
  return { ...options, reverse, limit: checkLimit(options.limit) };
}

function checkReverse(reverse: unknown = false): boolean {
  if (typeof reverse !== "boolean") {
    throw invalidOption(`Option reverse must be true or false, not ${shown(reverse)}`);
  }
  return reverse;
}

function checkLimit(limit: unknown): number {
  if (limit === undefined || limit === Number.POSITIVE_INFINITY) {
    return Number.POSITIVE_INFINITY;
  }
  if (typeof limit !== "number" || !Number.isInteger(limit) || limit < 0) {
    throw invalidOption(`Option limit must be a whole number from 0, not ${shown(limit)}`);
  }
  return limit;
}
