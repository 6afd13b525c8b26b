/** Finds what the encoding `msgpack` does not keep in a value, for the error message. */

import { types } from "node:util";
import { maxValueDepth } from "../limits.js";
import { isKeptByMsgpack, isKeptString } from "./msgpack-check.js";
import { advice, describe, refusal } from "./refusal.js";
import { depthOfRepeat, stepKind, ValuePath } from "./value-path.js";
import { isIllFormed } from "./well-formed.js";

/** Returns the error for a value that is not kept, with the path of the first thing that is not. */
export function explainMsgpackRefusal(value: unknown): Error {
  if (value === undefined) {
    return refusal("msgpack", "$", "undefined is no value", advice.absent);
  }
  return (
    new MsgpackExplainer().find(value, 0) ??
    refusal("msgpack", "$", "it changed while it was read", "Let getters answer the same each time.")
  );
}

class MsgpackExplainer {
  readonly #path = new ValuePath();
  readonly #containers: object[] = [];

  find(value: unknown, depth: number): Error | undefined {
    if (typeof value === "string") {
      return this.#findInString(value, depth);
    }
    if (typeof value !== "object" || value === null) {
      return value === undefined || isKeptByMsgpack(value) ? undefined : this.#refusePrimitive(value, depth);
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    const isArray = Array.isArray(value) && prototype === Array.prototype;
    if (!isArray && prototype !== Object.prototype) {
      return isKeptByMsgpack(value) ? undefined : this.#refuseClass(value, depth);
    }
    if (depth === maxValueDepth) {
      const repeated = depthOfRepeat([...this.#containers, value]);
      return repeated === undefined
        ? this.#refuse(depth, "it nests too deep", advice.shallower)
        : this.#refuse(repeated, "it contains itself", `${advice.structured} Or cut the cycle.`);
    }
    this.#containers.push(value);
    const found = this.#findInContainer(value, isArray, depth + 1);
    this.#containers.pop();
    return found;
  }

  #findInContainer(value: object, isArray: boolean, depth: number): Error | undefined {
    const symbol = Object.getOwnPropertySymbols(value).length !== 0;
    if (symbol) {
      return this.#refuse(
        depth - 1,
        "a property whose key is a symbol would be lost",
        "Use a string as its key.",
      );
    }
    const keys = Object.keys(value);
    if (isArray) {
      const found = this.#findInArrayKeys(keys, (value as unknown[]).length, depth);
      if (found !== undefined) {
        return found;
      }
    }
    for (const key of keys) {
      this.#path.kinds[depth - 1] = isArray ? stepKind.index : stepKind.field;
      this.#path.keys[depth - 1] = key;
      if (key === "__proto__") {
        return this.#refuse(
          depth,
          "msgpackr renames the key __proto__",
          'Use the encoding "structured" or "json".',
        );
      }
      const found =
        this.#findInString(key, depth) ?? this.find((value as Record<string, unknown>)[key], depth);
      if (found !== undefined) {
        return found;
      }
    }
    return undefined;
  }

  #findInArrayKeys(keys: readonly string[], length: number, depth: number): Error | undefined {
    const hole = keys.findIndex((key, index) => index < length && key !== String(index));
    if (hole !== -1 || keys.length < length) {
      this.#path.kinds[depth - 1] = stepKind.index;
      this.#path.keys[depth - 1] = hole === -1 ? keys.length : hole;
      return this.#refuse(depth, "a hole in an array would come back as undefined", advice.structured);
    }
    if (keys.length > length) {
      this.#path.kinds[depth - 1] = stepKind.field;
      this.#path.keys[depth - 1] = keys[length]!;
      return this.#refuse(depth, "an extra property of an array would be lost", "Put an object instead.");
    }
    return undefined;
  }

  #findInString(text: string, depth: number): Error | undefined {
    if (isKeptString(text)) {
      return undefined;
    }
    const what = isIllFormed(text)
      ? "a string with half a surrogate pair would come back changed"
      : "the byte-order mark at the beginning of a string could be lost";
    return this.#refuse(depth, what, 'Use the encoding "structured" or "json".');
  }

  #refusePrimitive(value: unknown, depth: number): Error {
    if (typeof value === "bigint") {
      return this.#refuse(depth, "MessagePack integers have 64 bits, this BigInt more", advice.structured);
    }
    if (typeof value === "number") {
      return this.#refuse(depth, "-0 would come back as 0", advice.structured);
    }
    return this.#refuse(depth, `${describe(value)} would be lost`, advice.noEncoding);
  }

  #refuseClass(value: object, depth: number): Error {
    const what = describe(value);
    if (types.isPromise(value) || types.isWeakMap(value) || types.isWeakSet(value)) {
      return this.#refuse(depth, `${what} would be lost`, advice.noEncoding);
    }
    if (types.isDate(value) || types.isUint8Array(value)) {
      return this.#refuse(
        depth,
        `${what} with more than its own class keeps would lose it`,
        advice.structured,
      );
    }
    if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) {
      return this.#refuse(depth, `${what} has no MessagePack type`, advice.structuredOrBinary);
    }
    const isBuiltIn = types.isMap(value) || types.isSet(value) || types.isRegExp(value);
    const isKeptByStructured = isBuiltIn || types.isNativeError(value) || types.isBoxedPrimitive(value);
    return isKeptByStructured || Object.getPrototypeOf(value) === null
      ? this.#refuse(depth, `${what} would come back as something else`, advice.structured)
      : this.#refuse(depth, `${what} would come back as a plain object`, advice.registerClass);
  }

  #refuse(depth: number, what: string, way: string): Error {
    return refusal("msgpack", this.#path.format(depth), what, way);
  }
}
