/** A comparison stricter than deepStrictEqual: -0, holes, prototypes, own keys, and which objects are shared. */

import assert from "node:assert/strict";
import { types } from "node:util";

export function assertSame(actual: unknown, expected: unknown): void {
  compare(actual, expected, "$", new Map());
}

function compare(actual: unknown, expected: unknown, path: string, pairs: Map<object, object>): void {
  if (typeof expected !== "object" || expected === null) {
    assert.ok(Object.is(actual, expected), `${path}: ${String(actual)} is not ${String(expected)}`);
    return;
  }
  assert.ok(typeof actual === "object" && actual !== null, `${path}: no object`);
  const twin = pairs.get(expected);
  if (twin !== undefined) {
    assert.ok(twin === actual, `${path}: another object than where it stood before`);
    return;
  }
  pairs.set(expected, actual);
  assert.equal(Object.getPrototypeOf(actual), Object.getPrototypeOf(expected), `${path}: prototype`);
  assert.equal(tagOf(actual), tagOf(expected), `${path}: kind`);
  compareInsides(actual, expected, path, pairs);
  const keys = Reflect.ownKeys(expected).filter(
    (key) => !ArrayBuffer.isView(expected) || Number.isNaN(Number(key)),
  );
  assert.deepEqual(Object.keys(actual), Object.keys(expected), `${path}: keys`);
  for (const key of keys) {
    const own = Object.getOwnPropertyDescriptor(actual, key);
    assert.ok(own !== undefined, `${path}: ${String(key)} is missing`);
    const name = key as keyof typeof expected;
    compare(actual[name], expected[name], `${path}.${String(key)}`, pairs);
  }
}

function tagOf(value: object): string {
  return Object.prototype.toString.call(value);
}

function compareInsides(actual: object, expected: object, path: string, pairs: Map<object, object>): void {
  if (types.isDate(expected)) {
    assert.ok(Object.is((actual as Date).getTime(), expected.getTime()), `${path}: time`);
  } else if (types.isRegExp(expected)) {
    assert.equal(String(actual), String(expected), path);
  } else if (types.isBoxedPrimitive(expected)) {
    compare((actual as { valueOf(): unknown }).valueOf(), expected.valueOf(), `${path}.valueOf()`, pairs);
  } else if (ArrayBuffer.isView(expected)) {
    assert.deepEqual(
      bytesOfView(actual as NodeJS.ArrayBufferView),
      bytesOfView(expected as NodeJS.ArrayBufferView),
      path,
    );
  } else if (types.isArrayBuffer(expected)) {
    assert.deepEqual(new Uint8Array(actual as ArrayBuffer), new Uint8Array(expected), path);
  } else if (types.isMap(expected) || types.isSet(expected)) {
    compare([...(actual as Set<unknown>)], [...(expected as Set<unknown>)], `${path}.entries`, pairs);
  }
}

function bytesOfView(view: NodeJS.ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
