import assert from "node:assert/strict";
import vm from "node:vm";
import { ValueCodec } from "../../../shared/codec/value-codec.js";
import { FastKVError } from "../../../shared/errors.js";
import type { ValueEncoding } from "../../../shared/format/value-encoding.js";
import { Unregistered } from "./arbitrary-values.js";

function refusalOf(value: unknown, encoding: ValueEncoding): FastKVError {
  let refusal: unknown;
  try {
    new ValueCodec().encode(value, encoding);
  } catch (error) {
    refusal = error;
  }
  assert.ok(refusal instanceof FastKVError, `not refused by ${encoding}`);
  assert.equal(refusal.code, "FASTKV_INVALID_VALUE");
  assert.equal(refusal.writeOutcome, "not-applied");
  return refusal;
}

function nested(value: unknown): unknown {
  return { a: [0, { "b c": value }] };
}

const cyclicArray: unknown[] = [];
cyclicArray.push({ up: cyclicArray });

function deep(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) {
    value = [value];
  }
  return value;
}

function argumentsObject(..._parameters: unknown[]): unknown {
  // biome-ignore lint/complexity/noArguments: that object is what this is about.
  return arguments;
}

const everywhere: [what: string, value: unknown][] = [
  ["a function", () => 1],
  ["a symbol", Symbol("s")],
  ["a WeakMap", new WeakMap()],
  ["a WeakSet", new WeakSet()],
  ["a Promise", Promise.resolve()],
  ["a class instance", new Unregistered()],
  ["an object of another realm", vm.runInNewContext("({ a: 1 })")],
  ["a generator", (function* () {})()],
  ["an arguments object", argumentsObject(1)],
  ["a field with a symbol as its key", { [Symbol("key")]: 1 }],
  ["an extra property of an array", Object.assign([1], { extra: 1 })],
  ["the result of a regular expression", /b/.exec("abc")],
  ["a subclass of Array", new (class Mine extends Array {})()],
  ["a subclass of Map", new (class Mine extends Map {})()],
  ["a subclass of Uint8Array", new (class Mine extends Uint8Array {})(2)],
  ["an Error of the program's own class", new (class Mine extends Error {})()],
  ["a look-alike of Date", Object.create(Date.prototype)],
  ["a look-alike of Map", Object.create(Map.prototype)],
  ["a look-alike of Uint8Array", Object.create(Uint8Array.prototype)],
  ["Math", Math],
];

const ofJsonAndMsgpack: [what: string, value: unknown][] = [
  ["-0", -0],
  ["a Map", new Map()],
  ["a Set", new Set()],
  ["a RegExp", /a/],
  ["an Error", new Error("e")],
  ["a boxed number", Object(1)],
  ["a boxed string", Object("s")],
  ["an object with a null prototype", Object.create(null)],
  ["an Int16Array", new Int16Array(2)],
  ["a DataView", new DataView(new ArrayBuffer(2))],
  ["an ArrayBuffer", new ArrayBuffer(2)],
  // biome-ignore lint/suspicious/noSparseArray: holes are what this is about.
  ["a sparse array", [1, , 3]],
  ["an array of holes alone", new Array(4_000_000_000)],
];

const table: Record<Exclude<ValueEncoding, "binary">, [what: string, value: unknown][]> = {
  json: [
    ["NaN", Number.NaN],
    ["Infinity", Number.POSITIVE_INFINITY],
    ["-Infinity", Number.NEGATIVE_INFINITY],
    ["a BigInt", 1n],
    ["an invalid Date", new Date(Number.NaN)],
    ["a Buffer", Buffer.from("abc")],
    ["a Uint8Array", new Uint8Array(2)],
    ["undefined in an array", [undefined]],
    ["a toJSON that answers NaN", { toJSON: () => Number.NaN }],
    ["a toJSON that answers a Map", { toJSON: () => new Map() }],
  ],
  msgpack: [
    ["a field named __proto__", JSON.parse('{"__proto__":1}')],
    ["a BigInt of more than 64 bits", 2n ** 64n],
    ["a negative BigInt of more than 64 bits", -(2n ** 63n) - 1n],
    ["an ill-formed string", "a\ud800"],
    ["a long ill-formed string", `${"a".repeat(100)}\udc00`],
    ["an ill-formed key", { "\ud800": 1 }],
    ["a byte-order mark at a string's beginning", "\ufeffabc"],
    ["a Buffer with an extra property", Object.assign(Buffer.from("abc"), { extra: 1 })],
    ["a Date with an extra property", Object.assign(new Date(), { extra: 1 })],
    ["a subclass of Date", new (class Mine extends Date {})()],
  ],
  structured: [
    ["a Proxy", new Proxy({}, {})],
    ["a boxed symbol", Object(Symbol("s"))],
    ["a Map with an extra property", Object.assign(new Map(), { extra: 1 })],
    ["a Date with an extra property", Object.assign(new Date(), { extra: 1 })],
    ["a typed array with an extra property", Object.assign(new Float64Array(2), { extra: 1 })],
    ["a RegExp with an odd lastIndex", Object.assign(/a/g, { lastIndex: -1 })],
    ["a SharedArrayBuffer", new SharedArrayBuffer(2)],
    ["an error with a function in it", Object.assign(new Error("e"), { retry: () => 1 })],
  ],
};

for (const encoding of ["json", "msgpack", "structured"] as const) {
  describe(`what ${encoding} refuses`, () => {
    const rows = encoding === "structured" ? everywhere : [...everywhere, ...ofJsonAndMsgpack];
    for (const [what, value] of [...rows, ...table[encoding]]) {
      it(`refuses ${what}, anywhere, and says where`, () => {
        assert.match(refusalOf(value, encoding).message, /(value at \$|could not be read)/);
        const { message } = refusalOf(nested(value), encoding);
        assert.match(message, /(value at \$\.a\[1\]\["b c"\]|could not be read)/);
      });
    }

    it("refuses undefined, since it means that there is no value", () => {
      assert.match(refusalOf(undefined, encoding).message, /at \$: undefined/);
    });

    it("refuses what nests too deep", () => {
      assert.match(refusalOf(deep(600), encoding).message, /nests too deep/);
      assert.match(refusalOf(deep(100_000), encoding).message, /nests too deep/);
    });

    it("passes on what a getter throws as the cause", () => {
      const cause = new Error("getter failed");
      const value = {
        get broken() {
          throw cause;
        },
      };
      assert.equal(refusalOf(value, encoding).cause, cause);
    });
  });
}

describe("messages of refusals", () => {
  it("tell a cycle from depth", () => {
    for (const encoding of ["json", "msgpack"] as const) {
      assert.match(refusalOf(cyclicArray, encoding).message, /contains itself/);
      const list: unknown[] = [0, {}];
      (list[1] as { back: unknown }).back = list;
      const { message } = refusalOf({ lists: [list] }, encoding);
      assert.ok(message.includes("the value at $.lists[0][1].back: it contains itself"), message);
    }
  });

  it("end the walk of a value that is huge because its parts are shared", () => {
    let value: unknown = {};
    for (let level = 0; level < 40; level += 1) {
      value = [value, value];
    }
    for (const encoding of ["json", "msgpack"] as const) {
      assert.match(refusalOf(value, encoding).message, /more than \d+ objects and arrays/);
    }
    assert.ok(new ValueCodec().encode(value, "structured").length < 200);
  });

  it("name holes, map entries and set elements", () => {
    // biome-ignore lint/suspicious/noSparseArray: holes are what this is about.
    assert.match(refusalOf([1, 2, , 4], "json").message, /at \$\[2\]: a hole/);
    assert.match(
      refusalOf(new Map([[1, new Map([[Symbol("s"), 1]])]]), "structured").message,
      /\$<map value 0><map key 0>/,
    );
    assert.match(refusalOf(new Set([1, () => 1]), "structured").message, /\$<set element 1>/);
    assert.match(
      refusalOf(Object.assign([1], { extra: 1 }), "json").message,
      /at \$\.extra: an extra property/,
    );
    assert.match(refusalOf({ a: { b: { c: [1, 2, 3, -0] } } }, "json").message, /at \$\.a\.b\.c\[3\]: -0/);
  });

  it("say what to do about an unregistered class", () => {
    assert.match(
      refusalOf([new Unregistered()], "structured").message,
      /\$\[0\].*db\.registerClass\(Unregistered\)/,
    );
  });

  it("cannot drive a terminal", () => {
    const { message } = refusalOf({ "\u001b[2J\u009b": () => 1 }, "structured");
    assert.ok([...message].every((character) => character >= " " && character !== "\u009b"));
  });
});

describe("what binary refuses", () => {
  for (const value of [
    "text",
    [1, 2],
    new ArrayBuffer(2),
    new DataView(new ArrayBuffer(2)),
    new Uint16Array(2),
    null,
  ]) {
    it(`refuses ${Object.prototype.toString.call(value)}`, () => {
      assert.match(refusalOf(value, "binary").message, /neither a Buffer nor a Uint8Array/);
    });
  }
});

describe("an unknown encoding", () => {
  it("is an invalid option", () => {
    assert.throws(() => new ValueCodec().encode(1, "xml" as ValueEncoding), {
      code: "FASTKV_INVALID_OPTION",
    });
    assert.throws(() => new ValueCodec().encode(1, "toString" as ValueEncoding), {
      code: "FASTKV_INVALID_OPTION",
    });
  });

  it("is corruption when decoded", () => {
    assert.throws(() => new ValueCodec().decode(0, Buffer.from("1"), 0, 1), { code: "FASTKV_CORRUPTION" });
    assert.throws(() => new ValueCodec().decode(9, Buffer.from("1"), 0, 1), { code: "FASTKV_CORRUPTION" });
  });
});
