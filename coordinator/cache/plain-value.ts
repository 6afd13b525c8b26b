/**
 * Plain values: JSON-like records of strings and numbers, and lists of them. Copying one takes an eighth to a third of
 * the time of parsing its text, and the copy shares its strings. So caches keep the values themselves.
 */

import { encodingTag } from "../../shared/format/value-encoding.js";

/** V8 stores objects with more fields as hash tables, which it cannot copy fast. */
const mostFields = 64;
/** Longer names are rarely those of a record's fields. */
const longestName = 64;
/** Arrays and objects within one value. Copying each takes as long as parsing about 50 bytes. */
const mostContainers = 64;
const deepest = 8;
const headerBytes = 24;
/** A slot in the value, and its share of the value's shape. */
const fieldBytes = 16;
/** For a name that no other value has: the string, and its slot in the value's shape. */
const nameOverheadBytes = 64;
const isNumber = /^\d+$/;
/** Maximum number of names remembered at once. */
const mostNames = 4096;
const stringHeaderBytes = 24;
const numberBytes = 16;

/** How a plain value is copied. A flat value contains no containers. */
export type PlainForm = "flat" | "tree";

/** A plain value. Only copies of it may be given away. */
export interface PlainValue {
  value: unknown;
  form: PlainForm;
  /** Approximate memory. */
  bytes: number;
}

/** Values of the other encodings may have more than elements and fields. */
export function mayBePlain(tag: number): boolean {
  return tag === encodingTag.json || tag === encodingTag.msgpack;
}

/**
 * Returns a copy of the value that a cache may keep, if it is plain; else undefined.
 *
 * @param unitBytes Bytes per unit of its strings: 1 or 2.
 */
export function plainOf(tag: number, value: unknown, unitBytes: number): PlainValue | undefined {
  if (!mayBePlain(tag)) {
    return undefined;
  }
  const measure = new Measure(unitBytes);
  if (!measure.add(value, deepest)) {
    return undefined;
  }
  const form = measure.containers > 1 ? "tree" : "flat";
  return { value: copyPlain(value, form), form, bytes: measure.bytes };
}

/** Returns a copy that nobody else holds. */
export function copyPlain(value: unknown, form: PlainForm): unknown {
  if (!isContainer(value)) {
    return value;
  }
  if (form === "tree") {
    return copyTree(value);
  }
  return Array.isArray(value) ? value.slice() : { ...value };
}

function copyTree(value: object): object {
  if (Array.isArray(value)) {
    return value.map((element: unknown) => (isContainer(element) ? copyTree(element) : element));
  }
  const copy = { ...value } as Record<string, unknown>;
  for (const name of Object.keys(copy)) {
    const field = copy[name];
    if (isContainer(field)) {
      copy[name] = copyTree(field);
    }
  }
  return copy;
}

function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** Field names seen before. Values of one shape share the names and the shape. */
let knownNames = new Set<string>();

/** Memory of a name that was not seen before; undefined if it is too long. */
function nameBytes(name: string): number | undefined {
  if (knownNames.has(name)) {
    return 0;
  }
  if (name.length > longestName) {
    return undefined;
  }
  if (knownNames.size === mostNames) {
    knownNames = new Set();
  }
  knownNames.add(name);
  return nameOverheadBytes + name.length * 2;
}

class Measure {
  readonly #unitBytes: number;
  containers = 0;
  bytes = 0;

  constructor(unitBytes: number) {
    this.#unitBytes = unitBytes;
  }

  /** Returns false if the value is not plain. */
  add(value: unknown, depthLeft: number): boolean {
    switch (typeof value) {
      case "object":
        return value === null || this.#addContainer(value, depthLeft);
      case "string":
        this.bytes += stringHeaderBytes + value.length * this.#unitBytes;
        return true;
      case "number":
      case "bigint":
        this.bytes += numberBytes;
        return true;
      default:
        return true;
    }
  }

  #addContainer(value: object, depthLeft: number): boolean {
    const isArray = Array.isArray(value);
    this.containers += 1;
    if (
      depthLeft === 0 ||
      this.containers > mostContainers ||
      (!isArray && Object.getPrototypeOf(value) !== Object.prototype)
    ) {
      return false;
    }
    const fields: unknown[] = isArray ? value : Object.values(value);
    if (fields.length > mostFields) {
      return false;
    }
    this.bytes += headerBytes + fields.length * fieldBytes;
    return (isArray || this.#addNames(value)) && fields.every((field) => this.add(field, depthLeft - 1));
  }

  #addNames(value: object): boolean {
    const names = Object.keys(value);
    // Whole numbers come first. V8 may store such fields in an array that reaches to the largest of them, full of
    // holes.
    return !isNumber.test(names[0] ?? "") && names.every((name) => this.#addName(name));
  }

  #addName(name: string): boolean {
    const bytes = nameBytes(name);
    this.bytes += bytes ?? 0;
    return bytes !== undefined;
  }
}
