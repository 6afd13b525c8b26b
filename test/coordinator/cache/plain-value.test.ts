import { expect } from "chai";
import fc from "fast-check";
import { copyPlain, plainOf } from "../../../coordinator/cache/plain-value.js";
import { encodingTag } from "../../../shared/format/value-encoding.js";

const { json, msgpack, structured } = encodingTag;

/** Fails where the two share an array or an object. */
function expectApart(a: unknown, b: unknown): void {
  if (typeof a === "object" && a !== null) {
    expect(a).not.to.equal(b);
    for (const name of Object.keys(a)) {
      expectApart((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name]);
    }
  }
}

describe("plain values", () => {
  it("are kept and copied with all that they have, in its order, and every copy is nobody else's", () => {
    const names = fc.oneof(fc.string(), fc.constantFrom("__proto__", "0", "10", "length", "constructor"));
    const leaf = fc.oneof(fc.string(), fc.double({ noNaN: true }), fc.boolean(), fc.constant(null));
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie("tree"), { maxLength: 4 }),
        fc.dictionary(names, tie("tree"), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(tree, (given) => {
        const text = JSON.stringify(given);
        const value: unknown = JSON.parse(text);
        const plain = plainOf(json, value, 1);
        if (plain === undefined) {
          expect(text.length > 64 || /"\d+":/.test(text), text).to.equal(true);
          return;
        }
        expectApart(plain.value, value);
        const copy = copyPlain(plain.value, plain.form);
        expect(copy).to.deep.equal(value);
        expect(JSON.stringify(copy)).to.equal(text);
        expectApart(copy, plain.value);
      }),
    );
  });

  it("are flat where they hold no containers", () => {
    for (const value of [null, 1, "text", [1, "two"], { a: 1, b: null }]) {
      expect(plainOf(json, value, 1)?.form, JSON.stringify(value)).to.equal("flat");
    }
    for (const value of [[[]], { a: {} }, [1, { b: 2 }]]) {
      expect(plainOf(json, value, 1)?.form, JSON.stringify(value)).to.equal("tree");
    }
  });

  it("are not those of encodings that carry more than elements and fields", () => {
    expect(plainOf(structured, { a: 1 }, 1)).to.equal(undefined);
    expect(plainOf(msgpack, { at: new Date() }, 1)).to.equal(undefined);
    expect(plainOf(msgpack, new Uint8Array(3), 1)).to.equal(undefined);
    expect(plainOf(msgpack, 5n, 1)?.value).to.equal(5n);
  });

  it("count their strings by the bytes that these take", () => {
    const [small, large] = [1, 2].map((unitBytes) => plainOf(json, ["x".repeat(1000)], unitBytes)!.bytes);
    expect(small).to.be.within(1000, 1100);
    expect(large! - small!).to.equal(1000);
  });

  it("count the names that other values do not have", () => {
    const record = (id: number): Record<string, number> =>
      Object.fromEntries(
        Array.from({ length: 20 }, (_, field) => [`name-${id}-${field}`.padEnd(30, "-"), 1]),
      );
    const first = plainOf(json, record(1), 1)!.bytes;
    expect(first).to.be.above(20 * 100);
    expect(plainOf(json, record(1), 1)!.bytes).to.be.below(first / 2);
    expect(plainOf(json, record(2), 1)!.bytes).to.equal(first);
    expect(plainOf(json, { ["x".repeat(100)]: 1 }, 1)).to.equal(undefined);
  });

  it("have no numbers for names, for which V8 may keep an array as long as the largest", () => {
    expect(plainOf(json, { 1000: 1, name: "a" }, 1)).to.equal(undefined);
    expect(plainOf(json, [{ id: { 873: 4 } }], 1)).to.equal(undefined);
    expect(plainOf(json, { n1000: 1, "1st": 2 }, 1)?.form).to.equal("flat");
  });

  it("are neither so wide nor so deep nor so many-parted that copying them would not pay", () => {
    const wide = Object.fromEntries(Array.from({ length: 1000 }, (_, field) => [`f${field}`, field]));
    let deep: unknown = 1;
    for (let level = 0; level < 20; level++) {
      deep = [deep];
    }
    const manyParts = Array.from({ length: 100 }, () => [1]);
    for (const value of [wide, deep, manyParts]) {
      expect(plainOf(json, value, 1)).to.equal(undefined);
    }
  });
});
