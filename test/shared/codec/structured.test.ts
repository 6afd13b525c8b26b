import assert from "node:assert/strict";
import { ValueCodec } from "../../../shared/codec/value-codec.js";
import { encodingTag } from "../../../shared/format/value-encoding.js";
import { maxValueDepth } from "../../../shared/limits.js";
import { Point } from "./arbitrary-values.js";
import { assertSame } from "./same-value.js";

function roundTrip(codec: ValueCodec, value: unknown): unknown {
  const bytes = Buffer.from(codec.encode(value, "structured"));
  return codec.decode(encodingTag.structured, bytes, 0, bytes.length);
}

function hexOf(value: unknown): string {
  const codec = new ValueCodec();
  codec.registerClass(Point);
  codec.registerClass(Celsius, celsiusHooks);
  codec.registerClass(Failure);
  codec.registerClass(Index);
  return codec.encode(value, "structured").toString("hex");
}

class Celsius {
  readonly #degrees: number;
  constructor(degrees: number) {
    this.#degrees = degrees;
  }
  get degrees(): number {
    return this.#degrees;
  }
}

const celsiusHooks = {
  encode: (value: Celsius) => value.degrees,
  decode: (plain: unknown) => new Celsius(plain as number),
};

class Failure extends TypeError {
  retries = 3;
}

class Index extends Map<string, unknown> {
  label = "i";
}

class Tags extends Set<string> {}

const cycle: Record<string, unknown> = {};
cycle.self = cycle;

function bareError(): Error {
  const error = Object.assign(new RangeError("m"), { code: 5 });
  Reflect.deleteProperty(error, "stack");
  return error;
}

function bareFailure(): Failure {
  const error = new Failure("m");
  Reflect.deleteProperty(error, "stack");
  return error;
}

/** FROZEN: these bytes are in databases. A change here needs a new format version. */
const golden: [what: string, value: unknown, hex: string][] = [
  ["null", null, "0100"],
  ["undefined inside an array", [undefined], "01100101"],
  ["booleans", [false, true], "0110020203"],
  ["short integers", [0, 127], "01100280ff"],
  ["integers", [128, 2 ** 53 - 1], "01100204800104ffffffffffffff0f"],
  ["negative integers", [-1, -129], "0110020500058001"],
  ["float64", 1.5, "0106000000000000f83f"],
  ["-0", -0, "01060000000000000080"],
  ["Infinity", Number.POSITIVE_INFINITY, "0106000000000000f07f"],
  ["BigInt", [0n, 255n, -256n], "01100307000701ff08020001"],
  ["a short string", "é", "0142c3a9"],
  ["a long string", "x".repeat(64), `010940${"78".repeat(64)}`],
  ["an ill-formed string", "a\ud800", "010a04610000d8"],
  ["an array", [1, "a"], "011002814161"],
  // biome-ignore lint/suspicious/noSparseArray: holes are what this is about.
  ["a sparse array", [, 1, ,], "011103010181"],
  ["an object", { a: 1, "": 2 }, "0112024161814082"],
  ["an object with a null prototype", Object.assign(Object.create(null) as object, { a: 1 }), "011301416181"],
  ["a Map", new Map([["a", 1]]), "011401416181"],
  ["a Set", new Set([1]), "01150181"],
  ["a Date", new Date(1.5e12), "011600008079efd37542"],
  ["a RegExp", Object.assign(/a/g, { lastIndex: 2 }), "01174161416702"],
  ["a boxed boolean", Object(true), "011803"],
  ["an Error", bareError(), "01190202476d65737361676500416d44636f64650185"],
  ["an ArrayBuffer", Uint8Array.of(1, 2).buffer, "011a020102"],
  ["a Buffer", Buffer.from([7]), "011b000107"],
  ["a Uint8Array", Uint8Array.of(7), "011b010107"],
  ["a Uint8ClampedArray", Uint8ClampedArray.of(7), "011b020107"],
  ["an Int8Array", Int8Array.of(7), "011b030107"],
  ["a Uint16Array", Uint16Array.of(7), "011b04020700"],
  ["an Int16Array", Int16Array.of(7), "011b05020700"],
  ["a Uint32Array", Uint32Array.of(7), "011b060407000000"],
  ["an Int32Array", Int32Array.of(7), "011b070407000000"],
  ["a Float32Array", Float32Array.of(1), "011b08040000803f"],
  ["a Float64Array", Float64Array.of(1), "011b0908000000000000f03f"],
  ["a BigUint64Array", BigUint64Array.of(7n), "011b0a080700000000000000"],
  ["a BigInt64Array", BigInt64Array.of(7n), "011b0b080700000000000000"],
  ["a DataView", new DataView(Uint8Array.of(7).buffer), "011b0c0107"],
  ["a cycle", cycle, "0112014473656c660b00"],
  ["an instance", new Point(1, 2), "012045506f696e7402417881417982"],
  ["an instance with hooks", new Celsius(21), "01244743656c7369757395"],
  [
    "an Error of a registered class",
    bareFailure(),
    "0121474661696c75726502476d65737361676500416d47726574726965730183",
  ],
  ["a Map of a registered class", new Index([["a", 1]]), "012245496e6465780141618101456c6162656c4169"],
];

describe("the structured format", () => {
  for (const [what, value, hex] of golden) {
    it(`writes ${what} as it always did`, () => {
      assert.equal(hexOf(value), hex);
    });
  }

  it("refuses a version that it does not know", () => {
    const codec = new ValueCodec();
    assert.throws(() => codec.decode(encodingTag.structured, Buffer.of(2, 0), 0, 2), {
      code: "FASTKV_UNSUPPORTED_FORMAT",
    });
  });
});

describe("structured values", () => {
  it("keep which objects are shared, and cycles through every kind of container", () => {
    const shared = { at: new Date(5) };
    const map = new Map<unknown, unknown>();
    const set = new Set<unknown>([shared]);
    const error = new AggregateError([shared], "all", { cause: map });
    map.set(map, [set, shared]).set("error", error);
    set.add(set).add(map);
    assertSame(roundTrip(new ValueCodec(), { map, set, error, shared }), { map, set, error, shared });
  });

  it("keep more shared objects than are searched one by one", () => {
    const objects = Array.from({ length: 100 }, (_, id) => ({ id }));
    const value = [objects, [...objects].reverse()];
    assertSame(roundTrip(new ValueCodec(), value), value);
  });

  it("keep an error's stack, cause and own fields, and the class of the standard errors", () => {
    const error = Object.assign(new URIError("m", { cause: new SyntaxError("inner") }), {
      code: "E",
      name: "Own",
    });
    const back = roundTrip(new ValueCodec(), error) as Error;
    assertSame(back, error);
    assert.equal(back.stack, error.stack);
    assert.ok(back instanceof URIError && back.cause instanceof SyntaxError);
    assert.ok(!Object.keys(back).includes("stack"));
  });

  it("keep an error of the operating system, with its code", () => {
    let caught: unknown;
    try {
      process.chdir("/no such folder");
    } catch (error) {
      caught = error;
    }
    const back = roundTrip(new ValueCodec(), caught) as NodeJS.ErrnoException;
    assertSame(back, caught);
    assert.equal(back.code, "ENOENT");
  });

  it("keep very sparse arrays without room for their holes", () => {
    const value: unknown[] = [];
    value[20_000_000] = "last";
    const before = process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
    const back = roundTrip(new ValueCodec(), value) as unknown[];
    assert.ok(process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers - before < 20e6);
    assert.equal(back.length, 20_000_001);
    assert.deepEqual(Object.keys(back), ["20000000"]);
  });

  it("may be encoded and decoded within the hooks of others", () => {
    const codec = new ValueCodec();
    codec.registerClass(Celsius, {
      encode: (value) => Buffer.from(codec.encode({ degrees: [value.degrees] }, "structured")),
      decode: (plain) => {
        const bytes = plain as Buffer;
        const inner = codec.decode(encodingTag.structured, bytes, 0, bytes.length) as { degrees: number[] };
        return new Celsius(inner.degrees[0]!);
      },
    });
    const back = roundTrip(codec, ["before", new Celsius(3), "after"]) as [string, Celsius, string];
    assert.deepEqual([back[0], back[1].degrees, back[2]], ["before", 3, "after"]);
  });
});

describe("registered classes", () => {
  it("come back as instances, without their constructor being run", () => {
    let constructed = 0;
    class Counted {
      own: unknown = { deep: [1n] };
      constructor() {
        constructed += 1;
      }
      get double(): number {
        return 2;
      }
    }
    const codec = new ValueCodec();
    codec.registerClass(Counted);
    const value = { a: new Counted(), b: [new Counted()] };
    const back = roundTrip(codec, value) as typeof value;
    assertSame(back, value);
    assert.ok(back.a instanceof Counted && back.a.double === 2);
    assert.equal(constructed, 2);
  });

  it("may extend Error, Map and Set", () => {
    const codec = new ValueCodec();
    codec.registerClass(Failure);
    codec.registerClass(Index);
    codec.registerClass(Tags);
    const index = new Index();
    index.set("self", index);
    const value = [Object.assign(new Failure("m"), { cause: 1 }), index, new Tags(["a"])];
    assertSame(roundTrip(codec, value), value);
  });

  it("with hooks are stored as what encode answers, and shared instances stay shared", () => {
    const codec = new ValueCodec();
    codec.registerClass(Celsius, { name: "Temperature", ...celsiusHooks });
    const one = new Celsius(21.5);
    const [first, second] = roundTrip(codec, [one, one]) as [Celsius, Celsius];
    assert.equal(first.degrees, 21.5);
    assert.equal(first, second);
  });

  it("may have fields that their prototype has a setter for", () => {
    class Guarded {
      set level(_value: number) {
        throw new Error("the setter ran");
      }
    }
    const codec = new ValueCodec();
    codec.registerClass(Guarded);
    const value = new Guarded();
    Object.defineProperty(value, "level", { value: 5, enumerable: true, configurable: true, writable: true });
    assertSame(roundTrip(codec, value), value);
  });

  it("of the platform, or derived from them, need hooks: their state cannot be seen", () => {
    class Link extends URL {}
    const codec = new ValueCodec();
    for (const target of [URL, Headers, Link]) {
      assert.throws(() => codec.registerClass(target as typeof URL), {
        code: "FASTKV_INVALID_OPTION",
        message: /needs the hooks encode and decode/,
      });
      const value = target === Headers ? new Headers() : new (target as typeof URL)("http://a/b");
      assert.throws(() => codec.encode(value, "structured"), {
        message:
          /Put what it stands for, such as its text, or call db\.registerClass\(\w+, \{ encode, decode \}\)/,
      });
    }
    codec.registerClass(URL, { encode: String, decode: (text) => new URL(text as string) });
    assert.equal((roundTrip(codec, new URL("http://a/b?c#d")) as URL).href, "http://a/b?c#d");
  });

  it("need to be registered to be decoded", () => {
    const writer = new ValueCodec();
    writer.registerClass(Point);
    const bytes = writer.encode([new Point(1, 2)], "structured");
    assert.throws(() => new ValueCodec().decode(encodingTag.structured, bytes, 0, bytes.length), {
      code: "FASTKV_INVALID_VALUE",
      message: /class "Point", which is not registered\. Call db\.registerClass\(Point\) first/,
    });
  });

  it("refuse a cycle through a hook, and a hidden state", () => {
    class Loop {}
    class Clock extends Date {}
    const codec = new ValueCodec();
    codec.registerClass(Loop, { encode: (value) => ({ again: value }), decode: () => new Loop() });
    codec.registerClass(Clock);
    assert.throws(() => codec.encode({ a: new Loop() }, "structured"), {
      code: "FASTKV_INVALID_VALUE",
      message: /\$\.a<answer of the encode hook>\.again: an instance of Loop is contained in what its own/,
    });
    assert.throws(() => codec.encode(new Clock(), "structured"), { message: /state is hidden/ });
  });

  it("report hooks that fail, with the cause", () => {
    const cause = new Error("broken hook");
    const codec = new ValueCodec();
    let fails = false;
    const hook = () => {
      if (fails) {
        throw cause;
      }
      return new Celsius(1);
    };
    codec.registerClass(Celsius, { encode: () => 1, decode: hook });
    const bytes = Buffer.from(codec.encode(new Celsius(1), "structured"));
    fails = true;
    assert.throws(() => codec.decode(encodingTag.structured, bytes, 0, bytes.length), {
      code: "FASTKV_INVALID_VALUE",
      cause,
    });
  });

  it("count towards the depth like other containers", () => {
    const codec = new ValueCodec();
    codec.registerClass(Point);
    let value: unknown = 1;
    for (let depth = 0; depth < maxValueDepth; depth += 1) {
      value = new Point(value, 0);
    }
    roundTrip(codec, value);
    assert.throws(() => codec.encode([value], "structured"), { message: /too deep/ });
  });

  it("are checked when they are registered", () => {
    const codec = new ValueCodec();
    codec.registerClass(Point);
    const invalid = { code: "FASTKV_INVALID_OPTION" };
    assert.throws(() => codec.registerClass(Point), invalid);
    assert.throws(() => codec.registerClass(Point, { name: "Other" }), invalid);
    assert.throws(() => codec.registerClass(Celsius, { name: "Point" }), invalid);
    assert.throws(() => codec.registerClass(Celsius, { encode: () => 1 }), invalid);
    assert.throws(() => codec.registerClass(Celsius, { name: "" }), invalid);
    assert.throws(() => codec.registerClass(Celsius, { nam: "x" } as object), invalid);
    assert.throws(() => codec.registerClass(class {}), invalid);
    assert.throws(() => codec.registerClass(Map), invalid);
    assert.throws(() => codec.registerClass((() => 1) as unknown as typeof Point), invalid);
    assert.throws(() => codec.registerClass({} as unknown as typeof Point), invalid);
  });
});
