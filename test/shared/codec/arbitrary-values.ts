/** Generated values of every kind that a program may put, storable or not. */

import fc from "fast-check";

export class Point {
  x: unknown;
  y: unknown;
  constructor(x: unknown, y: unknown) {
    this.x = x;
    this.y = y;
  }
}

export class Unregistered {
  field = 1;
}

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "grapheme", maxLength: 80 }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
  fc.constantFrom(
    "\ufeff",
    `\ufeff${"x".repeat(70)}`,
    "\ud800",
    "a\udc00",
    "é",
    "x".repeat(300),
    "漢".repeat(50),
  ),
);

const key = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom(
    "__proto__",
    "constructor",
    "toJSON",
    "length",
    "0",
    "17",
    "-1",
    "hasOwnProperty",
    "é",
    "\ud800",
    "",
  ),
);

const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(
    -0,
    0,
    Number.NaN,
    Infinity,
    -Infinity,
    2 ** 53,
    127,
    128,
    -1,
    -33,
    2 ** 31,
    2 ** 32,
    -(2 ** 31) - 1,
  ),
);

const date = fc.oneof(
  fc.date({ noInvalidDate: true }),
  fc.integer({ min: -5000, max: 5000 }).map((ms) => new Date(ms)),
);

const bigInt = fc.oneof(
  fc.bigInt(),
  fc.constantFrom(
    0n,
    -1n,
    255n,
    256n,
    -(2n ** 63n),
    -(2n ** 63n) - 1n,
    2n ** 64n - 1n,
    2n ** 64n,
    2n ** 200n,
  ),
);

const plainLeaf = fc.oneof(text, number, date, bigInt, fc.boolean(), fc.constantFrom(null, undefined));

const bytes = fc.uint8Array({ maxLength: 40 });

const oddLeaf: fc.Arbitrary<unknown> = fc.oneof(
  bytes,
  bytes.map((source) => Buffer.from(source)),
  bytes.map((source) => new Uint8Array(source).buffer),
  bytes.map((source) => new DataView(new Uint8Array(source).buffer)),
  bytes.map((source) => new Uint8Array([9, ...source, 9]).subarray(1, source.length + 1)),
  fc.int16Array(),
  fc.float32Array(),
  fc.float64Array(),
  fc.bigInt64Array(),
  fc.uint8ClampedArray(),
  fc.constantFrom<unknown[]>(/a+b/giu, /\//, /(?<year>\d+)\n/y, /\n[/]/),
  fc.oneof(text, number, fc.boolean(), bigInt).map((primitive) => Object(primitive) as unknown),
  text.map((message) => new RangeError(message)),
  text.map((message) => new Error(message, { cause: { code: message } })),
  text.map((message) => new AggregateError([new Error(message), 1], message)),
  fc.constantFrom<unknown[]>(
    () => 1,
    Symbol("s"),
    new WeakMap(),
    Promise.resolve(),
    new Unregistered(),
    new Proxy({}, {}),
    // biome-ignore lint/suspicious/noSparseArray: holes are what this is about.
    [, 1, , 2],
    new Array(5),
    Object.assign([1, 2], { extra: 1 }),
    Object.assign(new Uint8Array(2), { extra: 1 }),
    Object.assign(new Map(), { extra: 1 }),
    { [Symbol("key")]: 1 },
    { toJSON: () => ({ replaced: [1, -0] }) },
    { toJSON: (name: string) => `<${name}>` },
  ),
);

function containersOf(leaf: fc.Arbitrary<unknown>, isOdd: boolean): fc.Arbitrary<unknown> {
  return fc.letrec<{ value: unknown }>((tie) => {
    const value = tie("value");
    const entries = fc.array(fc.tuple(key, value), { maxLength: 5 });
    const object = entries.map((list) => Object.fromEntries(list));
    const array = fc.array(value, { maxLength: 5 });
    const odd = [
      entries.map((list) => Object.assign(Object.create(null) as object, Object.fromEntries(list))),
      fc.array(fc.tuple(value, value), { maxLength: 4 }).map((list) => new Map(list)),
      array.map((list) => new Set(list)),
      fc.tuple(value, value).map(([x, y]) => new Point(x, y)),
      value.map((shared) => [shared, { again: shared }]),
      array.map((list) => {
        const cyclic: unknown[] = [...list];
        cyclic.push({ cyclic });
        return cyclic;
      }),
      fc.tuple(array, fc.nat(10)).map(([list, gap]) => {
        const sparse = [...list];
        sparse[list.length + gap] = gap;
        return sparse;
      }),
    ];
    return {
      value: fc.oneof({ maxDepth: 4, withCrossShrink: true }, leaf, object, array, ...(isOdd ? odd : [])),
    };
  }).value;
}

/** What ordinary programs put, with some numbers, strings and keys that are hard to keep. */
export const plainValue = containersOf(plainLeaf, false);

/** Everything. */
export const anyValue = containersOf(fc.oneof({ arbitrary: plainLeaf, weight: 2 }, oddLeaf), true);
