/**
 * The careful part of the encoding `json`: copies a value with `toJSON` resolved, reading everything once, and refuses
 * what JSON.stringify would change silently.
 *
 * Some values are refused although JSON.stringify accepts them, because they would not come back equal: bytes (a Buffer
 * would come back as `{type, data}`), boxed primitives, an invalid Date (null), objects with a null prototype, and
 * instances of classes without `toJSON` (a plain object would come back).
 */

import { types } from "node:util";
import { maxValueDepth } from "../limits.js";
import { advice, describe, maxValueContainers, refusal, tooManyContainers } from "./refusal.js";
import { depthOfRepeat, stepKind, ValuePath } from "./value-path.js";

/** Returns a value that JSON.stringify keeps. Throws `FASTKV_INVALID_VALUE` with the path of what it would not keep. */
export function normaliseJson(value: unknown): unknown {
  const plain = new JsonNormaliser().read(value, 0, "");
  if (plain === undefined) {
    throw refusal("json", "$", "undefined is no JSON value", advice.absent);
  }
  return plain;
}

class JsonNormaliser {
  readonly #path = new ValuePath();
  /** The containers around the current value, to distinguish a cycle from mere depth. */
  readonly #containers: object[] = [];
  #containersLeft = maxValueContainers;

  /** `key` is what JSON.stringify passes to `toJSON`. Returns undefined for a field to omit. */
  read(value: unknown, depth: number, key: string): unknown {
    if (typeof value !== "object" || value === null) {
      return this.#readPrimitive(value, depth);
    }
    this.#refuseWithoutEqual(value, depth);
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === "function") {
      const converted: unknown = toJSON.call(value, key);
      if (typeof converted !== "object" || converted === null) {
        return this.#readPrimitive(converted, depth);
      }
      this.#refuseWithoutEqual(converted, depth);
      return this.#readContainer(converted, depth);
    }
    return this.#readContainer(value, depth);
  }

  #readPrimitive(value: unknown, depth: number): unknown {
    if (typeof value === "number") {
      if (!Number.isFinite(value) || Object.is(value, -0)) {
        const becomes = value === 0 ? "0" : "null";
        throw this.#refuse(depth, `${describe(value)} would come back as ${becomes}`, advice.structured);
      }
    } else if (typeof value === "bigint") {
      throw this.#refuse(depth, "JSON has no BigInt", 'Use the encoding "structured" or "msgpack".');
    } else if (typeof value === "function" || typeof value === "symbol") {
      throw this.#refuse(depth, `${describe(value)} would be left out`, advice.noEncoding);
    }
    return value;
  }

  #refuseWithoutEqual(value: object, depth: number): void {
    if (types.isDate(value) && Number.isNaN(Date.prototype.getTime.call(value))) {
      throw this.#refuse(depth, "an invalid Date would come back as null", advice.structured);
    }
    if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) {
      throw this.#refuse(depth, `JSON has no bytes (${describe(value)})`, advice.structuredOrBinary);
    }
    if (types.isBoxedPrimitive(value)) {
      throw this.#refuse(depth, `${describe(value)} would come back as a primitive`, advice.structured);
    }
  }

  #readContainer(value: object, depth: number): unknown {
    const prototype: unknown = Object.getPrototypeOf(value);
    const isArray = Array.isArray(value) && prototype === Array.prototype;
    if (!isArray && prototype !== Object.prototype) {
      throw this.#refuseClass(value, depth);
    }
    if (depth === maxValueDepth) {
      const repeated = depthOfRepeat([...this.#containers, value]);
      throw repeated === undefined
        ? this.#refuse(depth, "it nests too deep", advice.shallower)
        : this.#refuse(repeated, "it contains itself", `${advice.structured} Or cut the cycle.`);
    }
    this.#containersLeft -= 1;
    if (this.#containersLeft < 0) {
      throw tooManyContainers("json");
    }
    this.#containers.push(value);
    const plain = isArray ? this.#readArray(value, depth + 1) : this.#readObject(value, depth + 1);
    this.#containers.pop();
    return plain;
  }

  #readArray(value: readonly unknown[], depth: number): unknown[] {
    // The keys first: an array of four thousand million holes has none.
    const keys = Object.keys(value);
    const { length } = value;
    this.#path.kinds[depth - 1] = stepKind.index;
    for (let index = 0; index < Math.min(length, keys.length); index += 1) {
      if (keys[index] !== String(index)) {
        this.#path.keys[depth - 1] = index;
        throw this.#refuse(depth, "a hole in an array would come back as null", advice.structured);
      }
    }
    if (keys.length < length) {
      this.#path.keys[depth - 1] = keys.length;
      throw this.#refuse(depth, "a hole in an array would come back as null", advice.structured);
    }
    if (keys.length > length) {
      this.#path.kinds[depth - 1] = stepKind.field;
      this.#path.keys[depth - 1] = keys[length]!;
      throw this.#refuse(depth, "an extra property of an array would be lost", "Put an object instead.");
    }
    this.#refuseSymbols(value, depth - 1);
    const plain: unknown[] = [];
    for (let index = 0; index < length; index += 1) {
      this.#path.keys[depth - 1] = index;
      const element = this.read(value[index], depth, String(index));
      if (element === undefined) {
        throw this.#refuse(depth, "undefined in an array would come back as null", advice.structured);
      }
      plain.push(element);
      this.#path.kinds[depth - 1] = stepKind.index;
    }
    return plain;
  }

  #readObject(value: object, depth: number): object {
    this.#refuseSymbols(value, depth - 1);
    const plain: Record<string, unknown> = {};
    for (const key of Object.keys(value)) {
      this.#path.kinds[depth - 1] = stepKind.field;
      this.#path.keys[depth - 1] = key;
      const field = this.read((value as Record<string, unknown>)[key], depth, key);
      if (key === "__proto__" || key === "toJSON") {
        Object.defineProperty(plain, key, {
          value: field,
          enumerable: true,
          configurable: true,
          writable: true,
        });
      } else if (field !== undefined) {
        plain[key] = field;
      }
    }
    return plain;
  }

  /** Non-enumerable symbols mark arguments objects, Math and the like, which would come back as {}. */
  #refuseSymbols(value: object, depth: number): void {
    if (Object.getOwnPropertySymbols(value).length !== 0) {
      throw this.#refuse(depth, "a property whose key is a symbol would be lost", "Use a string as its key.");
    }
  }

  #refuseClass(value: object, depth: number): Error {
    const what = describe(value);
    if (Object.getPrototypeOf(value) === null) {
      return this.#refuse(depth, `${what} would come back with one`, advice.structured);
    }
    if (types.isPromise(value) || types.isWeakMap(value) || types.isWeakSet(value)) {
      return this.#refuse(depth, `${what} would come back as {}`, advice.noEncoding);
    }
    if (types.isMap(value) || types.isSet(value) || types.isRegExp(value) || types.isNativeError(value)) {
      return this.#refuse(depth, `${what} would come back as {}`, advice.structured);
    }
    return this.#refuse(
      depth,
      `${what} would come back as a plain object`,
      `${advice.registerClass} Or give it a toJSON method.`,
    );
  }

  #refuse(depth: number, what: string, way: string): Error {
    return refusal("json", this.#path.format(depth), what, way);
  }
}
