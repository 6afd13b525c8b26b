/** The internal state of built-in objects, read without properties that a program may have overridden. */

import { types } from "node:util";

export const sizeOfMap = Object.getOwnPropertyDescriptor(Map.prototype, "size")!.get as () => number;
export const sizeOfSet = Object.getOwnPropertyDescriptor(Set.prototype, "size")!.get as () => number;

/**
 * Returns true for a value that extends a built-in class whose contents are not visible as fields, so that a copy made
 * without the constructor would lack them.
 */
export function hasHiddenState(value: object): boolean {
  return (
    Array.isArray(value) ||
    ArrayBuffer.isView(value) ||
    types.isAnyArrayBuffer(value) ||
    types.isDate(value) ||
    types.isRegExp(value) ||
    types.isBoxedPrimitive(value) ||
    types.isPromise(value) ||
    types.isWeakMap(value) ||
    types.isWeakSet(value)
  );
}

/** Returns the primitive in a Number, String, Boolean or BigInt object. Throws a TypeError for an imitation. */
export function unbox(value: object): number | string | boolean | bigint {
  if (types.isNumberObject(value)) {
    return Number.prototype.valueOf.call(value);
  }
  if (types.isStringObject(value)) {
    return String.prototype.valueOf.call(value);
  }
  if (types.isBooleanObject(value)) {
    return Boolean.prototype.valueOf.call(value);
  }
  return BigInt.prototype.valueOf.call(value);
}
