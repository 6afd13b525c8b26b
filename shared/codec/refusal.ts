/**
 * The errors of the value codecs: for a value that an encoding cannot represent, and for bytes that are not an encoded
 * value.
 */

import { types } from "node:util";
import { excerpt } from "../bytes.js";
import { FastKVError } from "../errors.js";
import type { ValueEncoding } from "../format/value-encoding.js";
import { maxValueBytesCeiling, maxValueDepth } from "../limits.js";

export const advice = {
  structured: 'Use the encoding "structured", which keeps it.',
  structuredOrBinary: 'Use the encoding "structured", or "binary" for bytes alone.',
  registerClass: 'Use the encoding "structured" and call db.registerClass(Class), or put a plain object.',
  noEncoding: "No encoding can keep it: leave it out, or put what it stands for.",
  shallower: `Values may nest ${maxValueDepth} deep: flatten it, or spread it over several keys.`,
  absent: "Use null, or delete the key.",
} as const;

/** `what` names the part that is refused and what would happen to it; `way` says what to do instead. */
export function refusal(encoding: ValueEncoding, where: string, what: string, way: string): FastKVError {
  return new FastKVError(
    "FASTKV_INVALID_VALUE",
    `The encoding "${encoding}" cannot keep the value at ${where}: ${what}. ${way}`,
    { writeOutcome: "not-applied" },
  );
}

export function tooLarge(encoding: ValueEncoding): FastKVError {
  return new FastKVError(
    "FASTKV_INVALID_VALUE",
    `The value takes more than ${maxValueBytesCeiling} bytes in the encoding "${encoding}". Spread it over several keys.`,
    { writeOutcome: "not-applied" },
  );
}

/**
 * A limit of `json` and `msgpack`, which write an object once for each place in which it occurs: a few dozen arrays
 * that each contain the next one twice become millions of millions of arrays.
 */
export const maxValueContainers = 8 * 1024 * 1024;

export function tooManyContainers(encoding: ValueEncoding): FastKVError {
  return new FastKVError(
    "FASTKV_INVALID_VALUE",
    `The value has more than ${maxValueContainers} objects and arrays, shared ones counted each time. Use the encoding "structured", which keeps them shared, instead of "${encoding}", or spread it over several keys.`,
    { writeOutcome: "not-applied" },
  );
}

/**
 * Wraps an error from the runtime or from user code in the value (a getter, toJSON, a proxy's trap, an encode hook).
 */
export function wrapEncodeError(encoding: ValueEncoding, error: unknown): FastKVError {
  if (error instanceof FastKVError) {
    return error;
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new FastKVError(
    "FASTKV_INVALID_VALUE",
    `The value could not be read for the encoding "${encoding}": ${excerpt(reason, 200)}. Put a value that can be read.`,
    { cause: error, writeOutcome: "not-applied" },
  );
}

/** The error for bytes that no version of this encoding writes. The caller, who knows the key, may wrap it. */
export function damaged(encoding: string, what: string, offset?: number, cause?: unknown): FastKVError {
  const where = offset === undefined ? "" : ` at byte ${offset}`;
  return new FastKVError(
    "FASTKV_CORRUPTION",
    `Damaged value of encoding "${encoding}": ${what}${where}. Put the value again, or restore a backup.`,
    cause === undefined ? {} : { cause },
  );
}

/** Describes a value in words. Never runs code of the value's class. */
export function describe(value: unknown): string {
  if (typeof value === "number") {
    return Object.is(value, -0) ? "-0" : String(value);
  }
  if (typeof value === "bigint") {
    return "a BigInt";
  }
  if (typeof value === "function") {
    return "a function";
  }
  if (typeof value !== "object" || value === null) {
    return value === undefined || value === null ? String(value) : `a ${typeof value}`;
  }
  if (types.isProxy(value)) {
    return "a Proxy";
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) {
    return "an object with a null prototype";
  }
  const name = className(prototype as object);
  return name === undefined ? "an instance of an unnamed class" : `an instance of ${name}`;
}

/** Returns the name of the class of a prototype, without running a getter. */
export function className(prototype: object): string | undefined {
  const owner: unknown = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  if (typeof owner !== "function" || types.isProxy(owner)) {
    return undefined;
  }
  const name: unknown = Object.getOwnPropertyDescriptor(owner, "name")?.value;
  return typeof name === "string" && name !== "" ? excerpt(name).slice(1, -1) : undefined;
}
