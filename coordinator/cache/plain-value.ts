/**
 * Plain values: what JSON has, as records of strings and numbers, and lists of them. A copy of one takes an eighth to a third
 * of the time that its text takes to parse, and shares its strings; so caches keep the values themselves.
 */

import { encodingTag } from "../../shared/format/value-encoding.js";

/** V8 keeps objects with more fields as hash tables, of which it has no fast copies. */
const mostFields = 64;
/** Longer names are hardly ever those of a record's fields. */
const longestName = 64;
/** Arrays and objects within one value. Copying each takes as long as parsing some 50 bytes. */
const mostContainers = 64;
const deepest = 8;
const headerBytes = 24;
/** A place in the value, and a part of what its shape takes. */
const fieldBytes = 16;
/** Of a name that other values do not have: the string, and its place in the value's shape. */
const nameOverheadBytes = 64;
const isNumber = /^\d+$/;
/** So many names are known at once. */
const mostNames = 4096;
const stringHeaderBytes = 24;
const numberBytes = 16;

/** How a plain value is copied: a flat one has no containers in it. */
export type PlainForm = "flat" | "tree";

/** A plain value, to be given to nobody but as a copy. */
export interface PlainValue {
  value: unknown;
  form: PlainForm;
  /** What it takes in memory, about. */
  bytes: number;
}

/** Values of the other encodings may have more than elements and fields. */
export function mayBePlain(tag: number): boolean {
  return tag === encodingTag.json || tag === encodingTag.msgpack;
}

/**
 * The same value for a cache to keep, where it is plain; else undefined.
 *
 * @param unitBytes How many bytes a unit of its strings takes: 1 or 2.
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

/** A copy that is nobody else's. */
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

/** Names of fields that were met before: values of one shape share them, and the shape. */
let knownNames = new Set<string>();

/** What a name takes that was not met before; undefined where it is too long. */
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

  /** False where the value is not plain. */
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
    // Whole numbers come first. V8 may keep such fields in an array up to the largest of them, full of holes.
    return !isNumber.test(names[0] ?? "") && names.every((name) => this.#addName(name));
  }

  #addName(name: string): boolean {
    const bytes = nameBytes(name);
    this.bytes += bytes ?? 0;
    return bytes !== undefined;
  }
}
