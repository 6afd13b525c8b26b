/** What built-in objects hold inside, read without asking properties that a program may have overridden. */

import { types } from "node:util";

export const sizeOfMap = Object.getOwnPropertyDescriptor(Map.prototype, "size")!.get as () => number;
export const sizeOfSet = Object.getOwnPropertyDescriptor(Set.prototype, "size")!.get as () => number;

/** True for what extends a built-in class whose contents no field shows, and that no constructor-free copy has. */
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

/** The primitive inside a Number, String, Boolean or BigInt object; throws a TypeError for a mere look-alike. */
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
