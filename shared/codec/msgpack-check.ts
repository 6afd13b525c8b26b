/**
 * Which values msgpackr keeps exactly, and so which values the encoding `msgpack` accepts. Found by experiment with
 * msgpackr 2.1; the test repeats it with generated values.
 *
 * Accepted: null, undefined inside containers, booleans, numbers except -0, BigInt of 64 bits, well-formed strings,
 * plain objects and arrays, Date (also invalid), Buffer and plain Uint8Array. Changed by msgpackr, and therefore
 * refused: -0 (becomes 0), `__proto__` keys (renamed), Map and Set, RegExp, Error, functions, symbols, class instances
 * and objects with a null prototype (plain objects come back), holes, extra properties, ill-formed strings, strings
 * that begin with a byte-order mark (lost if msgpackr's native part is not installed), and all other views and buffers
 * (other tools do not know msgpackr's extension for them).
 */

import { types } from "node:util";
import { maxValueDepth } from "../limits.js";
import { isBareView } from "./bare-view.js";
import { maxValueContainers, tooManyContainers } from "./refusal.js";
import { isIllFormed } from "./well-formed.js";

const { getPrototypeOf, getOwnPropertySymbols, keys: namesOf } = Object;
const objectPrototype = Object.prototype;
const arrayPrototype = Array.prototype;
const datePrototype = Date.prototype;

const leastBigInt = -(2n ** 63n);
const greatestBigInt = 2n ** 64n - 1n;

/** Counts down from `maxValueContainers` during one check. */
let containersLeft = 0;

/**
 * Returns true if msgpackr keeps the value, provided that its strings pass `hasOnlyKeptStrings`. Runs for every value
 * put. Throws `FASTKV_INVALID_VALUE` if it has too many containers.
 */
export function isKeptByMsgpack(value: unknown): boolean {
  containersLeft = maxValueContainers;
  const kept = value !== undefined && isKept(value, maxValueDepth);
  if (containersLeft < 0) {
    throw tooManyContainers("msgpack");
  }
  return kept;
}

function isKept(value: unknown, depthLeft: number): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "undefined":
      return true;
    case "number":
      return value !== 0 || 1 / value > 0;
    case "bigint":
      return value >= leastBigInt && value <= greatestBigInt;
    case "object":
      return value === null || isKeptObject(value, depthLeft);
    default:
      return false;
  }
}

function isKeptObject(value: object, depthLeft: number): boolean {
  const prototype: unknown = getPrototypeOf(value);
  if (prototype === objectPrototype) {
    if (depthLeft === 0 || (containersLeft -= 1) < 0 || getOwnPropertySymbols(value).length !== 0) {
      return false;
    }
    const fields = value as Record<string, unknown>;
    for (const key in fields) {
      if (key === "__proto__") {
        return false;
      }
      const field = fields[key];
      if (typeof field !== "string" && !isKept(field, depthLeft - 1)) {
        return false;
      }
    }
    return true;
  }
  if (prototype === arrayPrototype) {
    return Array.isArray(value) && depthLeft !== 0 && isKeptArray(value, depthLeft - 1);
  }
  return isKeptLeaf(value, prototype);
}

function isKeptArray(value: readonly unknown[], depthLeft: number): boolean {
  if ((containersLeft -= 1) < 0 || namesOf(value).length !== value.length) {
    return false;
  }
  if (getOwnPropertySymbols(value).length !== 0) {
    return false;
  }
  for (let index = 0; index < value.length; index += 1) {
    const element = value[index];
    if (typeof element === "string") {
      continue;
    }
    // A hole together with an extra property: as many names as elements.
    if ((element === undefined && !Object.hasOwn(value, index)) || !isKept(element, depthLeft)) {
      return false;
    }
  }
  return true;
}

/** Dates and bytes without additional properties. */
function isKeptLeaf(value: object, prototype: unknown): boolean {
  if (prototype === datePrototype) {
    return types.isDate(value) && Reflect.ownKeys(value).length === 0;
  }
  if (prototype === Buffer.prototype || prototype === Uint8Array.prototype) {
    return types.isUint8Array(value) && isBareView(value);
  }
  return false;
}

/** Returns true if every string and key is kept. Needed only if the packed bytes suggest that one may not be. */
export function hasOnlyKeptStrings(value: unknown): boolean {
  if (typeof value === "string") {
    return isKeptString(value);
  }
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) {
    return true;
  }
  if (Array.isArray(value)) {
    return value.every(hasOnlyKeptStrings);
  }
  const fields = value as Record<string, unknown>;
  return namesOf(fields).every((key) => isKeptString(key) && hasOnlyKeptStrings(fields[key]));
}

const byteOrderMark = 0xfeff;

export function isKeptString(text: string): boolean {
  return text.charCodeAt(0) !== byteOrderMark && !isIllFormed(text);
}
