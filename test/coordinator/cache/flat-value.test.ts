import { expect } from "chai";
import fc from "fast-check";
import { copyFlat, flatBytes } from "../../../coordinator/cache/flat-value.js";
import { encodingTag } from "../../../shared/format/value-encoding.js";

const { json, msgpack, structured } = encodingTag;

function isContainer(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

describe("flat values", () => {
  it("are those in which nothing can be changed but the fields themselves", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), (given) => {
        const value: unknown = JSON.parse(JSON.stringify(given));
        const isFlat = !isContainer(value) || !Object.values(value as object).some(isContainer);
        expect(flatBytes(json, value, 1) !== undefined).to.equal(isFlat);
      }),
    );
  });

  it("are copied with all that they have, in its order, and the copy is nobody else's", () => {
    const fields = fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom("__proto__", "0", "10", "length", "constructor")),
      fc.oneof(fc.string(), fc.double({ noNaN: true }), fc.boolean(), fc.constant(null)),
    );
    fc.assert(
      fc.property(fc.oneof(fields, fc.array(fc.string()), fc.string(), fc.integer()), (given) => {
        const text = JSON.stringify(given);
        const value: unknown = JSON.parse(text);
        const copy = copyFlat(value);
        expect(copy).to.deep.equal(value);
        expect(JSON.stringify(copy)).to.equal(text);
        expect(Object.getPrototypeOf(copy)).to.equal(Object.getPrototypeOf(value));
        expect(copy === value).to.equal(!isContainer(value));
      }),
    );
  });

  it("are not taken from encodings whose values may have more than their fields", () => {
    expect(flatBytes(structured, { a: 1 }, 1)).to.equal(undefined);
    expect(flatBytes(msgpack, { at: new Date() }, 1)).to.equal(undefined);
    expect(flatBytes(msgpack, new Uint8Array(3), 1)).to.equal(undefined);
    expect(flatBytes(msgpack, 5n, 1)).to.be.above(0);
  });

  it("count their strings by the bytes that these take", () => {
    const [small, large] = [1, 2].map((unitBytes) => flatBytes(json, ["x".repeat(1000)], unitBytes)!);
    expect(small).to.be.within(1000, 1100);
    expect(large! - small!).to.equal(1000);
  });

  it("have no more fields than V8 copies fast", () => {
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, field) => [`f${field}`, field]));
    expect(flatBytes(json, many, 1)).to.equal(undefined);
  });
});
