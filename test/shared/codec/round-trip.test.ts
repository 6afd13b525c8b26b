import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { ValueCodec } from "../../../shared/codec/value-codec.js";
import { FastKVError } from "../../../shared/errors.js";
import type { ValueEncoding } from "../../../shared/format/value-encoding.js";
import { maxValueDepth } from "../../../shared/limits.js";
import { anyValue, Point, plainValue } from "./arbitrary-values.js";
import { assertSame } from "./same-value.js";

const numRuns = 2000;

function makeCodec(): ValueCodec {
  const codec = new ValueCodec();
  codec.registerClass(Point);
  return codec;
}

const codec = makeCodec();
/** Decodes what another wrote: as after a restart, with nothing in common but the registered classes. */
const reader = makeCodec();

type Outcome = { kept: true; value: unknown } | { kept: false };

/** Encodes, lets the encoder's buffer be overwritten, decodes in the midst of other bytes, and overwrites those. */
function roundTrip(value: unknown, encoding: ValueEncoding): Outcome {
  let stored: Buffer;
  let tag: number;
  try {
    const bytes = codec.encode(value, encoding);
    tag = codec.tag;
    stored = Buffer.concat([Buffer.from("before"), bytes, Buffer.from("after")]);
  } catch (error) {
    assert.ok(error instanceof FastKVError, String(error));
    assert.equal(error.code, "FASTKV_INVALID_VALUE", error.message);
    assert.equal(error.writeOutcome, "not-applied");
    return { kept: false };
  }
  codec.encode({ overwrite: "x".repeat(200) }, "json");
  codec.encode({ overwrite: "x".repeat(200) }, "msgpack");
  codec.encode({ overwrite: "x".repeat(200) }, "structured");
  const decoded = reader.decode(tag, stored, 6, stored.length - 5);
  stored.fill(0xaa);
  return { kept: true, value: decoded };
}

/** What JSON.stringify means: toJSON is called, and undefined fields are absent. */
function asJson(value: unknown, key = ""): unknown {
  if (typeof value !== "object" || value === null) {
    return value;
  }
  const { toJSON } = value as { toJSON?: unknown };
  const source: unknown = typeof toJSON === "function" ? toJSON.call(value, key) : value;
  if (Array.isArray(source)) {
    return source.map((element, index) => asJson(element, String(index)));
  }
  if (typeof source !== "object" || source === null) {
    return source;
  }
  const entries = Object.entries(source).map(([name, field]) => [name, asJson(field, name)] as const);
  return Object.fromEntries(entries.filter(([, field]) => field !== undefined));
}

for (const [kind, arbitrary] of [
  ["ordinary", plainValue],
  ["any", anyValue],
] as const) {
  describe(`round trip of ${kind} values`, () => {
    it("structured gives the same value back, shared objects included, or refuses it", () => {
      fc.assert(
        fc.property(arbitrary, (value) => {
          const outcome = roundTrip(value, "structured");
          if (outcome.kept) {
            assertSame(outcome.value, value);
            assert.deepStrictEqual(outcome.value, value);
          }
        }),
        { numRuns },
      );
    });

    it("msgpack gives an equal value back or refuses it", () => {
      fc.assert(
        fc.property(arbitrary, (value) => {
          const outcome = roundTrip(value, "msgpack");
          if (outcome.kept) {
            assert.deepStrictEqual(outcome.value, value);
            assertSame(outcome.value, structuredClonePlain(value));
          }
        }),
        { numRuns },
      );
    });

    it("json gives back what JSON.stringify means, or refuses it", () => {
      fc.assert(
        fc.property(arbitrary, (value) => {
          const outcome = roundTrip(value, "json");
          if (outcome.kept) {
            assert.deepStrictEqual(outcome.value, asJson(value));
          }
        }),
        { numRuns },
      );
    });

    it("binary gives back bytes of the same class, or refuses the value", () => {
      fc.assert(
        fc.property(arbitrary, (value) => {
          const outcome = roundTrip(value, "binary");
          assert.equal(outcome.kept, value instanceof Uint8Array);
          if (outcome.kept && Object.keys(value as object).every((key) => !Number.isNaN(Number(key)))) {
            assert.deepStrictEqual(outcome.value, value);
          }
        }),
        { numRuns: numRuns / 4 },
      );
    });
  });
}

/** The value with each shared object copied apart: msgpack has no references. */
function structuredClonePlain(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(structuredClonePlain);
  }
  if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(
      Object.entries(value).map(([key, field]) => [key, structuredClonePlain(field)]),
    );
  }
  if (value instanceof Date) {
    return new Date(value);
  }
  return value instanceof Uint8Array ? Object.getPrototypeOf(value).constructor.from(value) : value;
}

describe("what each encoding keeps", () => {
  const ordinary = {
    id: 7,
    name: "Saint-Étienne",
    tags: ["a", ""],
    at: null,
    ok: true,
    lat: 45.43,
    deep: { a: [{}] },
  };

  for (const encoding of ["json", "msgpack", "structured"] as const) {
    it(`${encoding} keeps an ordinary object, and the values null, "", 0 and false`, () => {
      for (const value of [ordinary, null, "", 0, false, [], {}, "\u2028 \u0000", -1, 1e300, 5e-324]) {
        assert.deepStrictEqual(roundTrip(value, encoding), { kept: true, value });
      }
    });

    it(`${encoding} keeps values as deep as the limit and refuses deeper ones`, () => {
      for (const wrap of [(inner: unknown) => [inner], (inner: unknown) => ({ inner })]) {
        let value: unknown = 1;
        for (let depth = 0; depth < maxValueDepth; depth += 1) {
          value = wrap(value);
        }
        const outcome = roundTrip(value, encoding);
        assert.ok(outcome.kept && isDeepStrictEqual(outcome.value, value));
        assert.deepStrictEqual(roundTrip(wrap(value), encoding), { kept: false });
      }
    });

    it(`${encoding} keeps large values: long strings, many elements, many fields`, () => {
      const many = Array.from({ length: 70_000 }, (_, index) => index * 1.5 + 1);
      const fields = Object.fromEntries(many.map((value) => [`field ${value}`, String(value)]));
      for (const value of ["x".repeat(3_000_000), "é".repeat(1_000_000), many, fields]) {
        const outcome = roundTrip(value, encoding);
        assert.ok(outcome.kept && isDeepStrictEqual(outcome.value, value));
      }
    });
  }

  it("msgpack and structured keep an invalid Date and a Date before 1970", () => {
    for (const encoding of ["msgpack", "structured"] as const) {
      for (const time of [Number.NaN, -1, -62_135_596_800_001, 8.64e15, -8.64e15]) {
        const outcome = roundTrip({ at: new Date(time) }, encoding);
        assert.ok(outcome.kept);
        assertSame(outcome.value, { at: new Date(time) });
      }
    }
  });

  it("json keeps an own field named __proto__ without touching a prototype", () => {
    const value: unknown = JSON.parse('{"__proto__":{"polluted":1},"a":1}');
    for (const encoding of ["json", "structured"] as const) {
      const outcome = roundTrip(value, encoding);
      assert.ok(outcome.kept);
      assertSame(outcome.value, value);
      assert.equal((outcome.value as { polluted?: unknown }).polluted, undefined);
    }
  });

  it("json means what JSON.stringify means for toJSON and for undefined fields", () => {
    const at = new Date(1_700_000_000_123);
    const url = new URL("https://example.org/a?b");
    const outcome = roundTrip({ at, url, gone: undefined, list: [at] }, "json");
    assert.deepStrictEqual(outcome, {
      kept: true,
      value: { at: at.toISOString(), url: url.href, list: [at.toISOString()] },
    });
  });

  it("structured and binary honour a view's offset and length, and copy", () => {
    const backing = Uint8Array.from([1, 2, 3, 4, 5, 6]);
    const view = backing.subarray(2, 4);
    for (const encoding of ["structured", "msgpack", "binary"] as const) {
      const outcome = roundTrip(view, encoding);
      assert.ok(outcome.kept);
      assert.deepStrictEqual(outcome.value, Uint8Array.from([3, 4]));
      assert.equal((outcome.value as Uint8Array).buffer.byteLength, 2);
    }
  });
});
