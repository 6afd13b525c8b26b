/** Random operations for model tests, and what they mean. */

import fc from "fast-check";
import type { RangeOptions } from "../../coordinator/calls/ranges.js";

export interface Range {
  prefix?: string;
  gt?: string;
  gte?: string;
  lt?: string;
  lte?: string;
}

/** Keys and values as byte strings. */
export type Operation =
  | { type: "put"; key: string; value: string; ttl: number; awaited: boolean }
  | { type: "delete"; key: string; awaited: boolean }
  | {
      type: "batch";
      entries: { key: string; value: string | undefined; ttl: number }[];
      viaPut: boolean;
      awaited: boolean;
    }
  | { type: "fill"; prefix: string; count: number; value: string }
  | { type: "get"; keys: string[]; snapshot: number }
  | { type: "scan"; range: Range; reverse: boolean; limit: number; snapshot: number }
  | { type: "count"; range: Range; snapshot: number }
  | { type: "clear"; range: Range; awaited: boolean }
  | { type: "bulkLoad"; entries: { key: string; value: string }[] }
  | { type: "openSnapshot" }
  | { type: "closeSnapshot"; at: number }
  | { type: "step"; ms: number }
  | { type: "flush" }
  | { type: "compact" }
  | { type: "reopen" }
  | { type: "kill"; shard: number };

function utf8(text: string): string {
  return Buffer.from(text).toString("latin1");
}

const anyByte = fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte));
const word = fc.constantFrom(
  "",
  "a",
  "b",
  "ab",
  "a\0",
  "\0",
  "\xff",
  "\xff\xff",
  "~",
  "\uffff",
  "e\u0301",
  "é",
  "😀",
  "😀b",
);

export const keys = fc.oneof(
  { weight: 3, arbitrary: word.map(utf8) },
  { weight: 2, arbitrary: anyByte },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constantFrom("user:", "user:1", "v"), word).map(([a, b]) => a + utf8(b)),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom("f:", "g:"), fc.integer({ min: 0, max: 400 }))
      .map(([prefix, n]) => filledKey(prefix, n)),
  },
  { weight: 1, arbitrary: anyByte.map((byte) => "p".repeat(300) + byte) },
);

export function filledKey(prefix: string, n: number): string {
  return prefix + String(n).padStart(4, "0");
}

export const values = fc.oneof(
  fc.constantFrom("", "\0", "null"),
  fc.tuple(anyByte, fc.constantFrom(1, 20, 900, 5000)).map(([byte, length]) => byte.repeat(length)),
);

const bound = fc.option(keys, { nil: undefined, freq: 2 });

const range: fc.Arbitrary<Range> = fc
  .record({
    prefix: fc.option(fc.constantFrom("", "user:", "f:", "f:00", "\xff"), { nil: undefined, freq: 2 }),
    lower: bound,
    lowerIsOpen: fc.boolean(),
    upper: bound,
    upperIsOpen: fc.boolean(),
  })
  .map(({ prefix, lower, lowerIsOpen, upper, upperIsOpen }) => ({
    ...(prefix === undefined ? {} : { prefix }),
    ...(lower === undefined ? {} : lowerIsOpen ? { gt: lower } : { gte: lower }),
    ...(upper === undefined ? {} : upperIsOpen ? { lt: upper } : { lte: upper }),
  }));

const ttl = fc.constantFrom(0, 0, 0, 5, 1000);
const awaited = fc.boolean();
const snapshot = fc.integer({ min: -3, max: 3 });

function of<T extends Operation["type"]>(
  type: T,
  fields: {
    [F in keyof Omit<Extract<Operation, { type: T }>, "type">]: fc.Arbitrary<
      Extract<Operation, { type: T }>[F]
    >;
  },
): fc.Arbitrary<Operation> {
  return fc.record({ type: fc.constant(type), ...fields }) as unknown as fc.Arbitrary<Operation>;
}

const entry = fc.record({ key: keys, value: fc.option(values, { nil: undefined, freq: 4 }), ttl });
const loadEntry = fc.record({ key: keys, value: values });

export const operations: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 10, arbitrary: of("put", { key: keys, value: values, ttl, awaited }) },
  { weight: 5, arbitrary: of("delete", { key: keys, awaited }) },
  {
    weight: 4,
    arbitrary: of("batch", { entries: fc.array(entry, { maxLength: 8 }), viaPut: fc.boolean(), awaited }),
  },
  {
    weight: 6,
    arbitrary: of("fill", {
      prefix: fc.constantFrom("f:", "g:"),
      count: fc.integer({ min: 1, max: 400 }),
      value: values,
    }),
  },
  { weight: 5, arbitrary: of("get", { keys: fc.array(keys, { minLength: 1, maxLength: 5 }), snapshot }) },
  {
    weight: 8,
    arbitrary: of("scan", {
      range,
      reverse: fc.boolean(),
      limit: fc.constantFrom(0, 1, 7, 300, Number.POSITIVE_INFINITY),
      snapshot,
    }),
  },
  { weight: 2, arbitrary: of("count", { range, snapshot }) },
  { weight: 3, arbitrary: of("clear", { range, awaited }) },
  { weight: 2, arbitrary: of("bulkLoad", { entries: fc.array(loadEntry, { maxLength: 60 }) }) },
  { weight: 4, arbitrary: of("openSnapshot", {}) },
  { weight: 3, arbitrary: of("closeSnapshot", { at: fc.nat({ max: 3 }) }) },
  { weight: 2, arbitrary: of("step", { ms: fc.constantFrom(1, 6, 2000) }) },
  { weight: 3, arbitrary: of("flush", {}) },
  { weight: 2, arbitrary: of("compact", {}) },
  { weight: 2, arbitrary: of("reopen", {}) },
  { weight: 1, arbitrary: of("kill", { shard: fc.nat({ max: 4 }) }) },
);

/** The half-open range that bounds mean. */
export function limitsOf({ prefix, gt, gte, lt, lte }: Range): { lower: string; upper: string | null } {
  const lowers = [""];
  const uppers: string[] = [];
  if (prefix !== undefined) {
    lowers.push(prefix);
    const stem = prefix.replace(/\xff+$/, "");
    if (stem !== "") {
      uppers.push(stem.slice(0, -1) + String.fromCharCode(stem.charCodeAt(stem.length - 1) + 1));
    }
  }
  lowers.push(...(gt === undefined ? [] : [`${gt}\0`]), ...(gte === undefined ? [] : [gte]));
  uppers.push(...(lt === undefined ? [] : [lt]), ...(lte === undefined ? [] : [`${lte}\0`]));
  return {
    lower: lowers.sort().at(-1)!,
    upper: uppers.sort()[0] ?? null,
  };
}

export function bytes(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

/** The same range for the public API. */
export function rangeOptions(of: Range): RangeOptions {
  return Object.fromEntries(Object.entries(of).map(([name, key]) => [name, bytes(key as string)]));
}
