/** The errors of the value codecs: a value that an encoding cannot carry, and bytes that are no encoded value. */

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

/** `what` names the thing and what would become of it; `way` is the way out. */
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
 * A limit of `json` and `msgpack`, which write an object once for each place that it stands in: a few dozen arrays
 * that hold each other twice are millions of millions of arrays.
 */
export const maxValueContainers = 8 * 1024 * 1024;

export function tooManyContainers(encoding: ValueEncoding): FastKVError {
  return new FastKVError(
    "FASTKV_INVALID_VALUE",
    `The value has more than ${maxValueContainers} objects and arrays, shared ones counted each time. Use the encoding "structured", which keeps them shared, instead of "${encoding}", or spread it over several keys.`,
    { writeOutcome: "not-applied" },
  );
}

/** What user code inside the value (a getter, toJSON, a proxy's trap, an encode hook) or the runtime threw. */
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

/** Bytes that no version of this encoding writes. The caller, who knows the key, may wrap it. */
export function damaged(encoding: string, what: string, offset?: number, cause?: unknown): FastKVError {
  const where = offset === undefined ? "" : ` at byte ${offset}`;
  return new FastKVError(
    "FASTKV_CORRUPTION",
    `Damaged value of encoding "${encoding}": ${what}${where}. Put the value again, or restore a backup.`,
    cause === undefined ? {} : { cause },
  );
}

/** What a value is, in words; never runs code of the value's own class. */
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

/** The name of the class that a prototype belongs to, read without running a getter. */
export function className(prototype: object): string | undefined {
  const owner: unknown = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  if (typeof owner !== "function" || types.isProxy(owner)) {
    return undefined;
  }
  const name: unknown = Object.getOwnPropertyDescriptor(owner, "name")?.value;
  return typeof name === "string" && name !== "" ? excerpt(name).slice(1, -1) : undefined;
}
