/** The classes whose instances the encoding `structured` stores, by name and by prototype. */

import { types } from "node:util";
import { excerpt } from "../bytes.js";
import { FastKVError } from "../errors.js";
import { errorClasses, viewClasses } from "./structured-format.js";

/** A class with any constructor, which is never called here. */
export type Class<Instance extends object = object> = abstract new (...parameters: never[]) => Instance;

/**
 * By default, an instance's own enumerable fields are stored, and restored on an object of the class without running
 * its constructor. Private `#fields` and the contents of closures are not visible: a class with such state needs both
 * hooks.
 */
export interface ClassOptions<Instance extends object> {
  /**
   * The name stored with each instance. It must not change as long as instances are stored.
   * @default Class.name
   */
  name?: string;
  /**
   * Returns what to store in place of an instance: any value that `structured` can store, except the instance itself.
   */
  encode?: (instance: Instance) => unknown;
  /** Creates an instance from what `encode` returned. Required with `encode`, and only with it. */
  decode?: (plain: unknown) => Instance;
}

export interface RegisteredClass {
  readonly name: string;
  readonly target: Class;
  readonly encode: ((instance: object) => unknown) | undefined;
  readonly decode: ((plain: unknown) => object) | undefined;
}

const maxClassNameLength = 255;

const builtInClasses = new Set<unknown>([
  ...errorClasses,
  ...viewClasses,
  Object,
  Function,
  Array,
  Map,
  Set,
  WeakMap,
  WeakSet,
  WeakRef,
  Promise,
  Date,
  RegExp,
  ArrayBuffer,
  SharedArrayBuffer,
  Number,
  String,
  Boolean,
  BigInt,
  Symbol,
  Proxy,
]);

export class ClassRegistry {
  readonly #byName = new Map<string, RegisteredClass>();
  readonly #byPrototype = new Map<object, RegisteredClass>();

  /** Throws `FASTKV_INVALID_OPTION` if `target` is not a class, or if the class or name is already registered. */
  register<Instance extends object>(target: Class<Instance>, options: ClassOptions<Instance> = {}): void {
    const name = checkedName(target, options);
    checkHooks(name, options);
    if (options.encode === undefined && isOfPlatform(target.prototype as object)) {
      throw invalid(
        `registerClass(${excerpt(name).slice(1, -1)}) needs the hooks encode and decode: the state of the platform's classes cannot be seen from outside.`,
      );
    }
    if (this.#byName.has(name)) {
      throw invalid(`The class name ${excerpt(name)} is registered already. Give another with { name }.`);
    }
    const prototype = target.prototype as object;
    const before = this.#byPrototype.get(prototype);
    if (before !== undefined) {
      throw invalid(`The class ${excerpt(name)} is registered already, as ${excerpt(before.name)}.`);
    }
    const { encode, decode } = options;
    const registered: RegisteredClass = {
      name,
      target,
      encode: encode === undefined ? undefined : (instance) => encode(instance as Instance),
      decode,
    };
    this.#byName.set(name, registered);
    this.#byPrototype.set(prototype, registered);
  }

  byName(name: string): RegisteredClass | undefined {
    return this.#byName.get(name);
  }

  byPrototype(prototype: object): RegisteredClass | undefined {
    return this.#byPrototype.get(prototype);
  }
}

/**
 * Whether a prototype is that of a global class, such as URL or Headers, or of a subclass. They keep their state where
 * nobody else sees it. Built-in classes are not meant: the encoding knows them.
 */
export function isOfPlatform(prototype: object | null): boolean {
  for (let at = prototype; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const owner: unknown = Object.getOwnPropertyDescriptor(at, "constructor")?.value;
    const isGlobal =
      typeof owner === "function" && (globalThis as Record<string, unknown>)[owner.name] === owner;
    if (isGlobal && !builtInClasses.has(owner)) {
      return true;
    }
  }
  return false;
}

function checkedName(target: unknown, options: unknown): string {
  if (typeof target !== "function" || types.isProxy(target) || builtInClasses.has(target)) {
    throw invalid("registerClass takes a class of yours. Built-in classes need not be registered.");
  }
  const { prototype } = target as { prototype?: unknown };
  if (typeof prototype !== "object" || prototype === null) {
    throw invalid("registerClass takes a class; an arrow function or method has no prototype.");
  }
  if (typeof options !== "object" || options === null) {
    throw invalid("The options of registerClass are an object: { name?, encode?, decode? }.");
  }
  const unknownOption = Object.keys(options).find((key) => !["name", "encode", "decode"].includes(key));
  if (unknownOption !== undefined) {
    throw invalid(`registerClass has no option ${excerpt(unknownOption)}, only name, encode and decode.`);
  }
  const name: unknown = (options as { name?: unknown }).name ?? target.name;
  if (typeof name !== "string" || name === "" || name.length > maxClassNameLength) {
    throw invalid(`A class needs a name of 1 to ${maxClassNameLength} characters. Give it with { name }.`);
  }
  return name;
}

function checkHooks(name: string, options: { encode?: unknown; decode?: unknown }): void {
  const { encode, decode } = options;
  if ((encode === undefined) !== (decode === undefined)) {
    throw invalid(`The class ${excerpt(name)} needs both hooks, encode and decode, or neither.`);
  }
  if (encode !== undefined && (typeof encode !== "function" || typeof decode !== "function")) {
    throw invalid(`The hooks encode and decode of the class ${excerpt(name)} must be functions.`);
  }
}

function invalid(message: string): FastKVError {
  return new FastKVError("FASTKV_INVALID_OPTION", message);
}
