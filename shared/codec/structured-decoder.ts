/**
 * Decodes the structured format (structured-format.ts). The bytes determine what is read, never what is run: no
 * prototype is written to, no code is evaluated, and the only program code called is the decode hooks of registered
 * classes.
 */

import { excerpt } from "../bytes.js";
import { FastKVError } from "../errors.js";
import { maxValueDepth } from "../limits.js";
import { swapOnBigEndian } from "./byte-order.js";
import type { ClassRegistry, RegisteredClass } from "./class-registry.js";
import { damaged } from "./refusal.js";
import {
  errorClasses,
  shortIntegerTag,
  shortStringTag,
  structuredVersion,
  tag,
  viewClasses,
  viewElementBytes,
} from "./structured-format.js";
import { StructuredReader } from "./structured-reader.js";

/** Placeholder for an instance whose decode hook was not called yet. */
const pending = Symbol("pending instance");

/** An array with more holes per element than this is created without memory for them. */
const maxHolesPerElement = 16;
const maxArrayLength = 2 ** 32 - 1;

/** Decodes one value at a time. Must not be called again from a decode hook. */
export class StructuredDecoder {
  readonly #classes: ClassRegistry;
  readonly #reader = new StructuredReader();
  #objects: unknown[] = [];

  constructor(classes: ClassRegistry) {
    this.#classes = classes;
  }

  decode(bytes: Buffer, start: number, end: number): unknown {
    const reader = this.#reader;
    reader.open(bytes, start, end);
    try {
      const version = reader.byte();
      if (version !== structuredVersion) {
        throw new FastKVError(
          "FASTKV_UNSUPPORTED_FORMAT",
          `The value has version ${version} of the structured format, of which this FastKV knows version ${structuredVersion}. Update FastKV.`,
        );
      }
      const value = this.#value(0);
      if (reader.bytesLeft !== 0) {
        throw reader.damaged("bytes follow the value");
      }
      return value;
    } catch (error) {
      throw error instanceof FastKVError
        ? error
        : damaged("structured", "it cannot be decoded", undefined, error);
    } finally {
      this.#objects = [];
    }
  }

  #value(depth: number): unknown {
    const kind = this.#reader.byte();
    if (kind >= shortStringTag || kind <= tag.utf16) {
      return this.#primitive(kind);
    }
    return kind === tag.reference ? this.#reference() : this.#object(kind, depth);
  }

  #primitive(kind: number): unknown {
    const reader = this.#reader;
    if (kind >= shortIntegerTag) {
      return kind - shortIntegerTag;
    }
    if (kind >= shortStringTag) {
      return reader.string(kind);
    }
    switch (kind) {
      case tag.null:
        return null;
      case tag.undefined:
        return undefined;
      case tag.false:
        return false;
      case tag.true:
        return true;
      case tag.integer:
        return reader.varint();
      case tag.negativeInteger:
        return -1 - reader.varint();
      case tag.float64:
        return reader.float64();
      case tag.bigInt:
      case tag.negativeBigInt:
        return reader.bigInt(kind === tag.negativeBigInt);
      default:
        return reader.string(kind);
    }
  }

  #reference(): unknown {
    const index = this.#reader.varint();
    const value = this.#objects[index];
    if (index >= this.#objects.length || value === pending) {
      throw this.#reader.damaged("a reference to an object that is not there");
    }
    return value;
  }

  #object(kind: number, depth: number): unknown {
    switch (kind) {
      case tag.date:
        return this.#keep(new Date(this.#reader.float64()));
      case tag.regExp:
        return this.#regExp();
      case tag.boxed:
        return this.#boxed();
      case tag.arrayBuffer:
        return this.#keep(copyToArrayBuffer(this.#reader.lengthPrefixed()));
      case tag.view:
        return this.#view();
      default:
        break;
    }
    if (depth === maxValueDepth) {
      throw this.#reader.damaged(`it nests deeper than ${maxValueDepth}`);
    }
    return this.#container(kind, depth + 1);
  }

  #container(kind: number, depth: number): unknown {
    switch (kind) {
      case tag.object:
        return this.#fields(this.#keep({}), depth);
      case tag.nullObject:
        return this.#fields(this.#keep(Object.create(null) as object), depth);
      case tag.array:
        return this.#array(depth);
      case tag.sparseArray:
        return this.#sparseArray(depth);
      case tag.map:
        return this.#entries(this.#keep(new Map()), depth);
      case tag.set:
        return this.#elements(this.#keep(new Set()), depth);
      case tag.error:
        return this.#error(depth);
      case tag.instance:
      case tag.errorInstance:
      case tag.mapInstance:
      case tag.setInstance:
        return this.#instance(kind, depth);
      case tag.hookedInstance:
        return this.#hookedInstance(depth);
      default:
        throw this.#reader.damaged(`the unknown tag ${kind}`);
    }
  }

  /** Objects are numbered before their contents are read, so that cycles can refer to them. */
  #keep<Kept extends object>(value: Kept): Kept {
    this.#objects.push(value);
    return value;
  }

  /**
   * A class's prototype may have setters and read-only properties, even with the name of a field. So fields are
   * defined, as the stored instance had them, not assigned.
   */
  #instanceFields<Target extends object>(target: Target, depth: number): Target {
    const reader = this.#reader;
    for (let left = reader.count(2); left > 0; left -= 1) {
      define(target, reader.name(), this.#value(depth), true);
    }
    return target;
  }

  #fields<Target extends object>(target: Target, depth: number): Target {
    const reader = this.#reader;
    for (let left = reader.count(2); left > 0; left -= 1) {
      const name = reader.name();
      const value = this.#value(depth);
      if (name === "__proto__") {
        define(target, name, value, true);
      } else {
        (target as Record<string, unknown>)[name] = value;
      }
    }
    return target;
  }

  #array(depth: number): unknown[] {
    const count = this.#reader.count(1);
    const target: unknown[] = this.#keep([]);
    for (let index = 0; index < count; index += 1) {
      target.push(this.#value(depth));
    }
    return target;
  }

  #sparseArray(depth: number): unknown[] {
    const reader = this.#reader;
    const length = reader.varint();
    const count = reader.count(2);
    if (length > maxArrayLength) {
      throw reader.damaged("an array that is too long");
    }
    const target: unknown[] = this.#keep([]);
    if (length > count * maxHolesPerElement) {
      // V8 stores an array of maximum length as a dictionary, and it remains one when it is shortened.
      target.length = maxArrayLength;
    }
    target.length = length;
    let next = 0;
    for (let left = count; left > 0; left -= 1) {
      const index = reader.varint();
      if (index < next || index >= length) {
        throw reader.damaged("an array index out of order");
      }
      target[index] = this.#value(depth);
      next = index + 1;
    }
    return target;
  }

  #entries<Target extends Map<unknown, unknown>>(target: Target, depth: number): Target {
    for (let left = this.#reader.count(2); left > 0; left -= 1) {
      const key = this.#value(depth);
      Map.prototype.set.call(target, key, this.#value(depth));
    }
    return target;
  }

  #elements<Target extends Set<unknown>>(target: Target, depth: number): Target {
    for (let left = this.#reader.count(1); left > 0; left -= 1) {
      Set.prototype.add.call(target, this.#value(depth));
    }
    return target;
  }

  #regExp(): RegExp {
    const reader = this.#reader;
    const source = reader.string(reader.byte());
    const value = this.#keep(new RegExp(source, reader.string(reader.byte())));
    value.lastIndex = reader.varint();
    return value;
  }

  #boxed(): object {
    // The number is taken first: the primitive inside has none.
    const place = this.#objects.push(pending) - 1;
    const kind = this.#reader.byte();
    const isPrimitive = kind >= shortStringTag || (kind >= tag.false && kind <= tag.utf16);
    if (!isPrimitive) {
      throw this.#reader.damaged("a boxed value that is no primitive");
    }
    const value = Object(this.#primitive(kind)) as object;
    this.#objects[place] = value;
    return value;
  }

  #view(): NodeJS.ArrayBufferView {
    const reader = this.#reader;
    const kind = reader.byte();
    const target = viewClasses[kind];
    const source = reader.lengthPrefixed();
    if (target === undefined || source.length % viewElementBytes[kind]! !== 0) {
      throw reader.damaged("an unknown kind of view, or one of an impossible length");
    }
    if (target === Buffer) {
      return this.#keep(Buffer.from(source));
    }
    const buffer = copyToArrayBuffer(source);
    swapOnBigEndian(Buffer.from(buffer), viewElementBytes[kind]!);
    return this.#keep(new (target as typeof Uint8Array)(buffer));
  }

  #error(depth: number): Error {
    const base = errorClasses[this.#reader.byte()];
    if (base === undefined) {
      throw this.#reader.damaged("an unknown kind of error");
    }
    return this.#properties(this.#keep(makeError(base, base)), depth);
  }

  #properties(target: Error, depth: number): Error {
    const reader = this.#reader;
    for (let left = reader.count(3); left > 0; left -= 1) {
      const name = reader.name();
      const enumerable = reader.byte();
      if (enumerable > 1) {
        throw reader.damaged("an unknown property attribute");
      }
      define(target, name, this.#value(depth), enumerable === 1);
    }
    return target;
  }

  #instance(kind: number, depth: number): object {
    const { target } = this.#registered();
    switch (kind) {
      case tag.errorInstance:
        return this.#properties(this.#keep(makeError(Error, target)), depth);
      case tag.mapInstance: {
        const value = this.#keep(Reflect.construct(Map, [], target) as Map<unknown, unknown>);
        return this.#instanceFields(this.#entries(value, depth), depth);
      }
      case tag.setInstance: {
        const value = this.#keep(Reflect.construct(Set, [], target) as Set<unknown>);
        return this.#instanceFields(this.#elements(value, depth), depth);
      }
      default:
        return this.#instanceFields(this.#keep(Object.create(target.prototype as object) as object), depth);
    }
  }

  #hookedInstance(depth: number): object {
    const { name, decode } = this.#registered();
    if (decode === undefined) {
      throw invalid(
        `The value holds an instance of ${excerpt(name)} that was stored by an encode hook. Call db.registerClass with the hooks encode and decode for it.`,
      );
    }
    const place = this.#objects.push(pending) - 1;
    const plain = this.#value(depth);
    let value: unknown;
    try {
      value = decode(plain);
    } catch (error) {
      throw invalid(
        `The decode hook of the class ${excerpt(name)} failed on a stored value. Correct the hook.`,
        error,
      );
    }
    if (typeof value !== "object" || value === null) {
      throw invalid(`The decode hook of the class ${excerpt(name)} answered no object. Correct the hook.`);
    }
    this.#objects[place] = value;
    return value;
  }

  #registered(): RegisteredClass {
    const reader = this.#reader;
    const name = reader.string(reader.byte());
    const registered = this.#classes.byName(name);
    if (registered === undefined) {
      throw invalid(
        `The value holds an instance of the class ${excerpt(name)}, which is not registered. Call db.registerClass(${excerpt(name).slice(1, -1)}) first, and get the value again.`,
      );
    }
    return registered;
  }
}

function invalid(message: string, cause?: unknown): FastKVError {
  return new FastKVError("FASTKV_INVALID_VALUE", message, cause === undefined ? {} : { cause });
}

function copyToArrayBuffer(source: Buffer): ArrayBuffer {
  const copy = new Uint8Array(source.length);
  copy.set(source);
  return copy.buffer;
}

/** Returns an error with the prototype of `target`, whose constructor does not run, and without own properties. */
function makeError(base: (typeof errorClasses)[number], target: object): Error {
  const parameters = base === AggregateError ? [[]] : [];
  const error = Reflect.construct(base as new () => Error, parameters, target as new () => Error);
  for (const name of Reflect.ownKeys(error)) {
    Reflect.deleteProperty(error, name);
  }
  return error;
}

function define(target: object, name: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(target, name, { value, enumerable, configurable: true, writable: true });
}
