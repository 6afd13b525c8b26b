/**
 * The encoding `json`: the text of JSON.stringify in UTF-8. Like JSON.stringify, it calls `toJSON` (a Date comes back
 * as its string) and omits fields that are undefined. Everything else that would come back different is refused.
 *
 * Ordinary values (plain objects, arrays, strings, finite numbers, booleans, null, valid Dates) pass a check that only
 * answers yes or no, and go to JSON.stringify unchanged. All others go through `normaliseJson`, which resolves
 * `toJSON`, or finds what to refuse and where. Both read getters, which must return the same value twice.
 */

import { excerpt } from "../bytes.js";
import { maxValueBytesCeiling, maxValueDepth } from "../limits.js";
import { normaliseJson } from "./json-normaliser.js";
import { damaged, maxValueContainers, tooLarge, tooManyContainers, wrapEncodeError } from "./refusal.js";
import { Scratch } from "./scratch.js";

const { getPrototypeOf, getOwnPropertySymbols, keys: namesOf } = Object;
const objectPrototype = Object.prototype;
const arrayPrototype = Array.prototype;
const datePrototype = Date.prototype;
const dateToJson = datePrototype.toJSON;

/** For longer texts, the bytes are counted instead of growing the buffer to three times the length. */
const longTextLength = 256 * 1024;

/**
 * A text of at most this length cannot nest so deep that parsing would take much memory, so its depth is not checked.
 */
export const uncheckedJsonBytes = maxValueDepth * 8;

/** Counts down from `maxValueContainers` during one encode. */
let containersLeft = 0;

export class JsonCodec {
  readonly #scratch = new Scratch("json");

  /** Returns a view into a buffer that the next encode overwrites. */
  encode(value: unknown): Buffer {
    let text: string;
    try {
      text = stringify(value);
    } catch (error) {
      throw wrapEncodeError("json", error);
    }
    if (text.length > maxValueBytesCeiling) {
      throw tooLarge("json");
    }
    const scratch = this.#scratch;
    if (text.length > longTextLength) {
      scratch.reserve(0, Buffer.byteLength(text));
    } else if (text.length * 3 > scratch.bytes.length) {
      scratch.reserve(0, text.length * 3);
    }
    return scratch.take(scratch.bytes.utf8Write(text, 0));
  }

  decode(bytes: Buffer, start: number, end: number): unknown {
    if (end - start > uncheckedJsonBytes) {
      checkDepth(bytes, start, end);
    }
    return parseJson(bytes.utf8Slice(start, end));
  }
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The parser's message quotes the value unescaped.
    throw damaged("json", `it is no JSON text (${excerpt((error as Error).message, 120)})`);
  }
}

/**
 * Decodes `count` texts, none longer than `uncheckedJsonBytes`, in `bytes[start..end)`, with commas in between. Parsing
 * them as one array costs half, since JSON.parse expects each element to have the fields of the one before. Returns
 * undefined if they are not such texts; each must then be decoded by itself, to find which is damaged.
 *
 * The bytes before and after the texts are temporarily overwritten by the array's brackets: if the brackets were added
 * to a string of the texts, JSON.parse would copy it.
 */
export function decodeJsonRun(
  bytes: Buffer,
  start: number,
  end: number,
  count: number,
): unknown[] | undefined {
  const before = bytes[start - 1]!;
  const behind = bytes[end]!;
  bytes[start - 1] = openBracket;
  bytes[end] = closeBracket;
  const text = bytes.utf8Slice(start - 1, end + 1);
  bytes[start - 1] = before;
  bytes[end] = behind;
  try {
    const values = JSON.parse(text) as unknown[];
    return values.length === count ? values : undefined;
  } catch {
    return undefined;
  }
}

const openBracket = 0x5b;
const closeBracket = 0x5d;

function stringify(value: unknown): string {
  containersLeft = maxValueContainers;
  if (hasPlainPrototypes() && isOrdinary(value, maxValueDepth)) {
    return JSON.stringify(value);
  }
  if (containersLeft < 0) {
    throw tooManyContainers("json");
  }
  return JSON.stringify(normaliseJson(value));
}

/** Returns false if the program gave all objects a `toJSON`, which JSON.stringify would call. */
function hasPlainPrototypes(): boolean {
  return (
    !("toJSON" in objectPrototype) && !("toJSON" in arrayPrototype) && datePrototype.toJSON === dateToJson
  );
}

/**
 * Returns true if JSON.stringify keeps the value unchanged, except Dates and absent fields. Runs for every value put.
 */
function isOrdinary(value: unknown, depthLeft: number): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return value === 0 ? 1 / value > 0 : value - value === 0;
    case "object":
      return value === null || isOrdinaryObject(value, depthLeft);
    default:
      return false;
  }
}

function isOrdinaryObject(value: object, depthLeft: number): boolean {
  const prototype: unknown = getPrototypeOf(value);
  if (prototype === objectPrototype) {
    if (depthLeft === 0 || (containersLeft -= 1) < 0 || getOwnPropertySymbols(value).length !== 0) {
      return false;
    }
    const fields = value as Record<string, unknown>;
    for (const key in fields) {
      const field = fields[key];
      if (typeof field !== "string" && field !== undefined && !isOrdinary(field, depthLeft - 1)) {
        return false;
      }
    }
    return true;
  }
  if (prototype === arrayPrototype) {
    return Array.isArray(value) && depthLeft !== 0 && isOrdinaryArray(value, depthLeft - 1);
  }
  return prototype === datePrototype && isOrdinaryDate(value as Date);
}

function isOrdinaryArray(value: readonly unknown[], depthLeft: number): boolean {
  // An array with as many names as elements has no hole and no extra property, or has an undefined element.
  if ((containersLeft -= 1) < 0 || namesOf(value).length !== value.length) {
    return false;
  }
  if (getOwnPropertySymbols(value).length !== 0) {
    return false;
  }
  for (let index = 0; index < value.length; index += 1) {
    const element = value[index];
    if (typeof element !== "string" && !isOrdinary(element, depthLeft)) {
      return false;
    }
  }
  return true;
}

function isOrdinaryDate(value: Date): boolean {
  const time = datePrototype.getTime.call(value);
  return time - time === 0 && namesOf(value).length === 0;
}

const quote = 0x22;
const backslash = 0x5c;

/** JSON.parse has its own stack, whose memory grows with the depth, so the depth of longer texts is checked first. */
function checkDepth(bytes: Buffer, start: number, end: number): void {
  let depth = 0;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at]!;
    if (byte === quote) {
      for (at += 1; at < end && bytes[at] !== quote; at += 1) {
        if (bytes[at] === backslash) {
          at += 1;
        }
      }
    } else if (byte === 0x5b || byte === 0x7b) {
      depth += 1;
      if (depth > maxValueDepth) {
        throw damaged("json", `it nests deeper than ${maxValueDepth}`, at - start);
      }
    } else if (byte === 0x5d || byte === 0x7d) {
      depth -= 1;
    }
  }
}
