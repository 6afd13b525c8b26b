/** Decoders given bytes that no encoder wrote: an error of ours or a value, in little time and memory. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { ValueCodec } from "../../../shared/codec/value-codec.js";
import { FastKVError } from "../../../shared/errors.js";
import { encodingTag, type ValueEncoding } from "../../../shared/format/value-encoding.js";
import { anyValue, Point } from "./arbitrary-values.js";

const codec = new ValueCodec();
codec.registerClass(Point);

const encodings = ["json", "msgpack", "structured"] as const;
const tags = [...Object.values(encodingTag), 5];

/** The value, or the FastKVError that refused the bytes. */
function decode(tag: number, bytes: Uint8Array): unknown {
  try {
    return codec.decode(tag, Buffer.from(bytes), 0, bytes.length);
  } catch (error) {
    assert.ok(error instanceof FastKVError, String(error));
    assert.match(error.code, /CORRUPTION|UNSUPPORTED_FORMAT|INVALID_VALUE/);
    return error;
  }
}

function heldMemory(): number {
  const { heapUsed, arrayBuffers, external } = process.memoryUsage();
  return heapUsed + arrayBuffers + external;
}

function refuses(encoding: ValueEncoding, bytes: Uint8Array, what: RegExp): void {
  const before = heldMemory();
  const error = decode(encodingTag[encoding], bytes);
  assert.ok(error instanceof FastKVError, "not refused");
  assert.match(error.message, what);
  assert.ok(heldMemory() - before < 4e6 + bytes.length * 4, `took ${heldMemory() - before} bytes`);
}

describe("decoders given hostile bytes", () => {
  it("answer random bytes with a value or an error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        for (const tag of tags) {
          decode(tag, bytes);
          decode(tag, Uint8Array.of(1, ...bytes));
        }
      }),
      { numRuns: 5000 },
    );
  });

  it("answer random structure with a value or an error, in little memory", () => {
    // Bytes that begin containers and lengths are much more frequent here than among random ones.
    const token = fc.oneof(
      fc.integer({ min: 0x10, max: 0x24 }),
      fc.constantFrom(
        0xff,
        0x7f,
        0,
        1,
        2,
        3,
        0xdd,
        0xdf,
        0xc9,
        0xc6,
        0xdb,
        0xd4,
        0xd6,
        0x72,
        0x74,
        0x69,
        0x70,
        0x62,
      ),
      fc.integer({ min: 0, max: 255 }),
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 100 }), (list) => {
        const before = heldMemory();
        decode(encodingTag.msgpack, Uint8Array.from(list));
        decode(encodingTag.structured, Uint8Array.of(1, ...list));
        assert.ok(heldMemory() - before < 8e6);
      }),
      { numRuns: 10_000 },
    );
  });

  for (const encoding of encodings) {
    it(`answer mutated ${encoding} bytes with a value or an error`, () => {
      const edit = fc.record({
        at: fc.nat(),
        byte: fc.nat(255),
        kind: fc.constantFrom("set", "insert", "cut", "flip"),
      });
      fc.assert(
        fc.property(anyValue, fc.array(edit, { minLength: 1, maxLength: 4 }), (value, edits) => {
          let bytes: number[];
          try {
            bytes = [...codec.encode(value, encoding)];
          } catch {
            return;
          }
          for (const { at, byte, kind } of edits) {
            const place = at % (bytes.length + 1);
            if (kind === "insert") {
              bytes.splice(place, 0, byte);
            } else if (kind === "cut") {
              bytes = bytes.slice(0, place);
            } else if (place < bytes.length) {
              bytes[place] = kind === "set" ? byte : bytes[place]! ^ (1 << (byte % 8));
            }
          }
          decode(encodingTag[encoding], Uint8Array.from(bytes));
        }),
        { numRuns: 3000 },
      );
    });

    it(`refuse every ${encoding} value that is cut short or goes on`, () => {
      const value = { a: [1, "two", null, { b: [true, 1.5, "x".repeat(300)] }], c: "é" };
      const bytes = Buffer.from(codec.encode(value, encoding));
      for (let length = 0; length < bytes.length; length += 1) {
        refuses(encoding, bytes.subarray(0, length), /Damaged value/);
      }
      refuses(encoding, Buffer.concat([bytes, Buffer.from([0x61])]), /Damaged value/);
    });
  }

  it("never read beyond the end of the value into what follows it", () => {
    const bytes = Buffer.from(codec.encode(["x".repeat(30), 1], "structured"));
    assert.throws(() => codec.decode(encodingTag.structured, bytes, 0, bytes.length - 1), FastKVError);
    const packed = Buffer.from(codec.encode(["x".repeat(30), 1000], "msgpack"));
    assert.throws(() => codec.decode(encodingTag.msgpack, packed, 0, packed.length - 1), FastKVError);
  });

  it("refuse counts and lengths beyond the bytes that are left", () => {
    for (const header of [
      "ddffffffff",
      "dfffffffff",
      "dbffffffff",
      "c6ffffffff",
      "c9ffffffff74",
      "dcffff",
      "deffff",
    ]) {
      refuses("msgpack", Buffer.from(header, "hex"), /more elements than bytes|ends too early/);
    }
    for (const tagByte of ["10", "12", "13", "14", "15", "09", "0a", "07", "1a", "1b01", "1900"]) {
      refuses("structured", Buffer.from(`01${tagByte}ffffffff0f`, "hex"), /more elements|ends too early/);
      refuses("structured", Buffer.from(`01${tagByte}ffffffffffffffff7f`, "hex"), /too large/);
    }
    refuses("structured", Buffer.from("0111ffffffff1f00", "hex"), /too long/);
  });

  it("refuse deep nesting without overflowing the stack", () => {
    refuses("json", Buffer.alloc(2_000_000, "["), /nests deeper/);
    refuses("json", Buffer.from('{"a":'.repeat(100_000)), /nests deeper/);
    refuses("json", Buffer.from(`["]]]\\"]",${"[".repeat(5000)}`), /nests deeper/);
    // A short text may: parsing it costs little, and does not need the stack.
    assert.ok(Array.isArray(decode(encodingTag.json, Buffer.from("[".repeat(2000) + "]".repeat(2000)))));
    refuses("msgpack", Buffer.alloc(2_000_000, 0x91), /nests deeper/);
    refuses("msgpack", Buffer.from("81a161".repeat(100_000), "hex"), /nests deeper/);
    refuses("structured", Buffer.from(`01${"1001".repeat(100_000)}`, "hex"), /nests deeper/);
    refuses("structured", Buffer.from(`01${"12014161".repeat(100_000)}`, "hex"), /nests deeper/);
    refuses("structured", Buffer.from(`01${"18".repeat(100_000)}`, "hex"), /no primitive/);
  });

  it("refuse the extensions of msgpackr that FastKV does not write, and keys that are no strings", () => {
    const rows: [string, RegExp][] = [
      ["d47240 91a161 01", /extension of type 114/],
      ["d57240 00 91a161 01", /extension of type 114/],
      ["d46500 92a5 4572726f72 a16d", /extension of type 101/],
      ["d47800 92a161a0", /extension of type 120/],
      ["d6690000000190", /extension of type 105/],
      ["d67000000001", /extension of type 112/],
      ["d47300 9101", /extension of type 115/],
      ["d66200000005 a161 a161", /extension of type 98/],
      ["c7 02 42 0101", /extension of type 66/],
      ["c7 01 74 10", /extension of type 116/],
      ["c1", /does not use/],
      ["81 01 01", /key that is no string/],
      ["81 a95f5f70726f746f5f5f 80", /__proto__/],
      ["81 d9095f5f70726f746f5f5f 80", /__proto__/],
    ];
    for (const [hex, what] of rows) {
      refuses("msgpack", Buffer.from(hex.replaceAll(" ", ""), "hex"), what);
    }
  });

  it("refuse references to nothing, odd kinds and unknown tags", () => {
    const rows: [string, RegExp][] = [
      ["010b00", /reference/],
      ["0112014161 0b05", /reference/],
      ["011908 00", /kind of error/],
      ["011b0d00", /kind of view/],
      ["011b0403 000000", /impossible length/],
      ["010a03 000000", /odd length/],
      ["0130", /unknown tag/],
      ["0117 4128 40 00", /cannot be decoded/],
      ["01120180 80", /no string/],
      ["0111 03 02 02 80 01 80", /out of order/],
    ];
    for (const [hex, what] of rows) {
      refuses("structured", Buffer.from(hex.replaceAll(" ", ""), "hex"), what);
    }
  });

  it("never touch a prototype", () => {
    decode(
      encodingTag.json,
      Buffer.from('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
    );
    decode(
      encodingTag.structured,
      Buffer.from("0112 01 49 5f5f70726f746f5f5f 12 01 48 706f6c6c75746564 81".replaceAll(" ", ""), "hex"),
    );
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  });
});
