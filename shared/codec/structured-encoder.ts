/** Encodes a value in the structured format, or refuses it. structured-format.ts describes the format. */

import { types } from "node:util";
import { maxValueDepth } from "../limits.js";
import { isBareView } from "./bare-view.js";
import { hasHiddenState, sizeOfMap, sizeOfSet, unbox } from "./built-in-state.js";
import { swapOnBigEndian } from "./byte-order.js";
import { type ClassRegistry, isOfPlatform, type RegisteredClass } from "./class-registry.js";
import { ObjectIndex } from "./object-index.js";
import { advice, className, describe, refusal } from "./refusal.js";
import { errorClasses, structuredVersion, tag, viewClasses, viewElementBytes } from "./structured-format.js";
import { StructuredWriter } from "./structured-writer.js";
import { type StepKind, stepKind, ValuePath } from "./value-path.js";

const { getPrototypeOf, getOwnPropertySymbols, keys: namesOf } = Object;

/** The non-enumerable own properties of an error that are kept. */
const standardErrorProperties = new Set<string>(["name", "message", "stack", "cause", "errors"]);

const errorKindOf = new Map<unknown, number>(errorClasses.map((target, kind) => [target.prototype, kind]));
const viewKindOf = new Map<unknown, number>(viewClasses.map((target, kind) => [target.prototype, kind]));

const isEnumerable = Object.prototype.propertyIsEnumerable;

type Writing = (value: never, depth: number) => void;

/** Encodes one value at a time. Must not be called again from a hook or getter of the value. */
export class StructuredEncoder {
  readonly #classes: ClassRegistry;
  readonly #writer = new StructuredWriter();
  readonly #path = new ValuePath();
  readonly #objects = new ObjectIndex();
  /**
   * Instances whose encode hook's result is being written. A reference to such an instance cannot be decoded: the
   * instance is created only after that result was read.
   */
  readonly #openHooks: object[] = [];
  /** How to write objects with the prototype of a built-in class. */
  readonly #builtIns: ReadonlyMap<unknown, Writing>;

  constructor(classes: ClassRegistry) {
    this.#classes = classes;
    this.#builtIns = new Map<unknown, Writing>([
      [Map.prototype, this.#map.bind(this)],
      [Set.prototype, this.#set.bind(this)],
      [Date.prototype, this.#date.bind(this)],
      [RegExp.prototype, this.#regExp.bind(this)],
      [ArrayBuffer.prototype, this.#arrayBuffer.bind(this)],
      ...[Number, String, Boolean, BigInt].map(({ prototype }): [unknown, Writing] => [
        prototype,
        this.#boxed.bind(this),
      ]),
      ...errorClasses.map(({ prototype }): [unknown, Writing] => [prototype, this.#error.bind(this)]),
      ...viewClasses.map(({ prototype }): [unknown, Writing] => [prototype, this.#view.bind(this)]),
    ]);
  }

  /** Returns a view, valid until the next encode. */
  encode(value: unknown): Buffer {
    if (value === undefined) {
      throw this.#refuse(0, "undefined is no value", advice.absent);
    }
    try {
      this.#writer.restart();
      this.#writer.byte(structuredVersion);
      this.#value(value, 0);
      return this.#writer.take();
    } finally {
      this.#objects.clear();
      this.#openHooks.length = 0;
    }
  }

  #value(value: unknown, depth: number): void {
    const writer = this.#writer;
    if (typeof value === "string") {
      writer.string(value);
    } else if (typeof value === "number") {
      writer.number(value);
    } else if (typeof value === "boolean") {
      writer.byte(value ? tag.true : tag.false);
    } else if (value === null) {
      writer.byte(tag.null);
    } else if (typeof value === "object") {
      this.#object(value, depth);
    } else if (value === undefined) {
      writer.byte(tag.undefined);
    } else if (typeof value === "bigint") {
      writer.bigInt(value);
    } else {
      throw this.#refuse(depth, `${describe(value)} cannot be stored`, advice.noEncoding);
    }
  }

  #object(value: object, depth: number): void {
    const known = this.#objects.add(value);
    if (known !== -1) {
      if (this.#openHooks.includes(value)) {
        const way = "Let the encode hook answer something that does not lead back to the instance.";
        throw this.#refuse(
          depth,
          `${describe(value)} is contained in what its own encode hook answered`,
          way,
        );
      }
      this.#writer.byte(tag.reference);
      this.#writer.varint(known);
      return;
    }
    if (types.isProxy(value)) {
      throw this.#refuse(depth, "a Proxy cannot be stored", "Put the object behind it, or a copy.");
    }
    const prototype: unknown = getPrototypeOf(value);
    if (prototype === Object.prototype) {
      this.#plainObject(tag.object, value, depth);
    } else if (prototype === Array.prototype && Array.isArray(value)) {
      this.#array(value, depth);
    } else if (prototype === null) {
      this.#plainObject(tag.nullObject, value, depth);
    } else {
      this.#ofClass(value, prototype as object, depth);
    }
  }

  #plainObject(kind: number, value: object, depth: number): void {
    if (getOwnPropertySymbols(value).length !== 0) {
      throw this.#refuseSymbol(value, depth);
    }
    this.#enter(depth);
    this.#writer.byte(kind);
    this.#fields(value, namesOf(value), depth);
  }

  #fields(value: object, names: readonly string[], depth: number): void {
    const { kinds, keys } = this.#path;
    this.#writer.varint(names.length);
    for (const name of names) {
      kinds[depth] = stepKind.field;
      keys[depth] = name;
      this.#writer.string(name);
      this.#value((value as Record<string, unknown>)[name], depth + 1);
    }
  }

  #array(value: readonly unknown[], depth: number): void {
    if (getOwnPropertySymbols(value).length !== 0) {
      throw this.#refuseSymbol(value, depth);
    }
    this.#enter(depth);
    // Indexes come first, so the last name shows whether all names are indexes without a hole.
    const names = namesOf(value);
    const { length } = value;
    const isDense = names.length === length && (length === 0 || names[length - 1] === String(length - 1));
    if (!isDense) {
      this.#sparseArray(value, names, depth);
      return;
    }
    this.#writer.byte(tag.array);
    this.#writer.varint(length);
    const { kinds, keys } = this.#path;
    for (let index = 0; index < length; index += 1) {
      kinds[depth] = stepKind.index;
      keys[depth] = index;
      this.#value(value[index], depth + 1);
    }
  }

  #sparseArray(value: readonly unknown[], names: readonly string[], depth: number): void {
    const { length } = value;
    const last = names.at(-1);
    if (last !== undefined && !(String(Number(last) >>> 0) === last && Number(last) < length)) {
      this.#step(depth, stepKind.field, last);
      throw this.#refuse(
        depth + 1,
        "an extra property of an array cannot be stored",
        "Put an object instead.",
      );
    }
    this.#writer.byte(tag.sparseArray);
    this.#writer.varint(length);
    this.#writer.varint(names.length);
    for (const name of names) {
      this.#step(depth, stepKind.index, name);
      this.#writer.varint(Number(name));
      this.#value(value[Number(name)], depth + 1);
    }
  }

  #ofClass(value: object, prototype: object, depth: number): void {
    const registered = this.#classes.byPrototype(prototype);
    if (registered !== undefined) {
      this.#instance(value, registered, depth);
      return;
    }
    const write = this.#builtIns.get(prototype);
    if (write === undefined) {
      throw this.#refuseClass(value, depth);
    }
    write(value as never, depth);
  }

  #map(value: Map<unknown, unknown>, depth: number): void {
    this.#refuseExtras(value, namesOf(value), depth);
    this.#enter(depth);
    this.#writer.byte(tag.map);
    this.#entries(value, depth);
  }

  #entries(value: Map<unknown, unknown>, depth: number): void {
    const size = sizeOfMap.call(value);
    this.#writer.varint(size);
    let position = 0;
    for (const [key, entry] of Map.prototype.entries.call(value)) {
      this.#step(depth, stepKind.mapKey, position);
      this.#value(key, depth + 1);
      this.#step(depth, stepKind.mapValue, position);
      this.#value(entry, depth + 1);
      position += 1;
    }
    this.#checkUnchanged(position === size, depth);
  }

  #set(value: Set<unknown>, depth: number): void {
    this.#refuseExtras(value, namesOf(value), depth);
    this.#enter(depth);
    this.#writer.byte(tag.set);
    this.#elements(value, depth);
  }

  #elements(value: Set<unknown>, depth: number): void {
    const size = sizeOfSet.call(value);
    this.#writer.varint(size);
    let position = 0;
    for (const element of Set.prototype.values.call(value)) {
      this.#step(depth, stepKind.setElement, position);
      this.#value(element, depth + 1);
      position += 1;
    }
    this.#checkUnchanged(position === size, depth);
  }

  #date(value: Date, depth: number): void {
    this.#refuseExtras(value, namesOf(value), depth);
    this.#writer.byte(tag.date);
    this.#writer.float64(Date.prototype.getTime.call(value));
  }

  #regExp(value: RegExp, depth: number): void {
    this.#refuseExtras(value, namesOf(value), depth);
    const { source, flags, lastIndex } = value;
    if (!Number.isSafeInteger(lastIndex) || lastIndex < 0 || Object.is(lastIndex, -0)) {
      throw this.#refuse(
        depth,
        "a RegExp whose lastIndex is no index cannot be stored",
        "Set lastIndex to 0.",
      );
    }
    this.#writer.byte(tag.regExp);
    this.#writer.string(source);
    this.#writer.string(flags);
    this.#writer.varint(lastIndex);
  }

  #boxed(value: object, depth: number): void {
    const primitive: unknown = unbox(value);
    const names = namesOf(value);
    this.#refuseExtras(value, typeof primitive === "string" ? names.slice(primitive.length) : names, depth);
    this.#writer.byte(tag.boxed);
    this.#value(primitive, depth);
  }

  #arrayBuffer(value: ArrayBuffer, depth: number): void {
    this.#refuseExtras(value, namesOf(value), depth);
    if ((value as { resizable?: boolean }).resizable === true) {
      throw this.#refuse(depth, "a resizable ArrayBuffer would come back fixed", "Put a slice() of it.");
    }
    this.#writer.byte(tag.arrayBuffer);
    this.#writer.varint(value.byteLength);
    this.#writer.bytes(new Uint8Array(value));
  }

  #view(value: NodeJS.ArrayBufferView, depth: number): void {
    const kind = viewKindOf.get(getPrototypeOf(value))!;
    if (types.isTypedArray(value)) {
      if (!isBareView(value)) {
        throw this.#refuse(
          depth,
          "an extra property of a typed array cannot be stored",
          "Put it beside the bytes.",
        );
      }
    } else {
      this.#refuseExtras(value, namesOf(value), depth);
    }
    this.#writer.byte(tag.view);
    this.#writer.byte(kind);
    this.#writer.varint(value.byteLength);
    this.#writer.bytes(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    swapOnBigEndian(this.#writer.last(value.byteLength), viewElementBytes[kind]!);
  }

  #error(value: Error, depth: number): void {
    if (!types.isNativeError(value)) {
      throw this.#refuseClass(value, depth);
    }
    this.#enter(depth);
    this.#writer.byte(tag.error);
    this.#writer.byte(errorKindOf.get(getPrototypeOf(value))!);
    this.#properties(value, depth);
  }

  /** Writes all enumerable properties, and the standard ones, which are not enumerable on most errors. */
  #properties(value: Error, depth: number): void {
    if (getOwnPropertySymbols(value).some((symbol) => isEnumerable.call(value, symbol))) {
      throw this.#refuseSymbol(value, depth);
    }
    const names = Object.getOwnPropertyNames(value).filter(
      (name) => isEnumerable.call(value, name) || standardErrorProperties.has(name),
    );
    this.#writer.varint(names.length);
    for (const name of names) {
      this.#step(depth, stepKind.field, name);
      this.#writer.string(name);
      this.#writer.byte(isEnumerable.call(value, name) ? 1 : 0);
      this.#value((value as unknown as Record<string, unknown>)[name], depth + 1);
    }
  }

  #instance(value: object, registered: RegisteredClass, depth: number): void {
    this.#enter(depth);
    if (registered.encode !== undefined) {
      this.#hookedInstance(value, registered.name, registered.encode(value), depth);
      return;
    }
    if (types.isNativeError(value)) {
      this.#writer.byte(tag.errorInstance);
      this.#writer.string(registered.name);
      this.#properties(value, depth);
      return;
    }
    if (hasHiddenState(value)) {
      const way = "Register the class with the hooks encode and decode.";
      throw this.#refuse(depth, `${describe(value)} extends a built-in class whose state is hidden`, way);
    }
    if (getOwnPropertySymbols(value).some((symbol) => isEnumerable.call(value, symbol))) {
      throw this.#refuseSymbol(value, depth);
    }
    const isMap = types.isMap(value);
    this.#writer.byte(isMap ? tag.mapInstance : types.isSet(value) ? tag.setInstance : tag.instance);
    this.#writer.string(registered.name);
    if (isMap) {
      this.#entries(value, depth);
    } else if (types.isSet(value)) {
      this.#elements(value, depth);
    }
    this.#fields(value, namesOf(value), depth);
  }

  #hookedInstance(value: object, name: string, answer: unknown, depth: number): void {
    this.#openHooks.push(value);
    this.#step(depth, stepKind.hookAnswer, 0);
    this.#writer.byte(tag.hookedInstance);
    this.#writer.string(name);
    this.#value(answer, depth + 1);
    this.#openHooks.pop();
  }

  #enter(depth: number): void {
    if (depth === maxValueDepth) {
      throw this.#refuse(depth, "it nests too deep", advice.shallower);
    }
  }

  #step(depth: number, kind: StepKind, key: string | number): void {
    this.#path.kinds[depth] = kind;
    this.#path.keys[depth] = key;
  }

  #checkUnchanged(same: boolean, depth: number): void {
    if (!same) {
      throw this.#refuse(depth, "it changed while it was read", "Let no getter or hook change it.");
    }
  }

  #refuseExtras(value: object, extraNames: readonly string[], depth: number): void {
    const [name] = extraNames;
    if (name !== undefined) {
      this.#step(depth, stepKind.field, name);
      const what = `${describe(value)} cannot be stored with a property of its own`;
      throw this.#refuse(depth + 1, what, "Put it beside the value, or register a class with hooks.");
    }
    if (getOwnPropertySymbols(value).length !== 0) {
      throw this.#refuseSymbol(value, depth);
    }
  }

  #refuseSymbol(value: object, depth: number): Error {
    return types.isArgumentsObject(value)
      ? this.#refuse(depth, "an arguments object cannot be stored", "Put [...arguments].")
      : this.#refuse(depth, "a property whose key is a symbol cannot be stored", "Use a string as its key.");
  }

  #refuseClass(value: object, depth: number): Error {
    const what = `${describe(value)} cannot be stored`;
    if (types.isPromise(value) || types.isWeakMap(value) || types.isWeakSet(value)) {
      return this.#refuse(depth, what, advice.noEncoding);
    }
    if (types.isNativeError(value)) {
      return this.#refuse(
        depth,
        what,
        "Call db.registerClass with its class first, or put its name and message.",
      );
    }
    const prototype = getPrototypeOf(value) as object;
    const name = className(prototype) ?? "Class";
    const way = isOfPlatform(prototype)
      ? `Put what it stands for, such as its text, or call db.registerClass(${name}, { encode, decode }) first.`
      : `Call db.registerClass(${name}) first, or put a plain object.`;
    return this.#refuse(depth, what, way);
  }

  #refuse(depth: number, what: string, way: string): Error {
    return refusal("structured", this.#path.format(depth), what, way);
  }
}
