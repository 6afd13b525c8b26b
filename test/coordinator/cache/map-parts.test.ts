import { expect } from "chai";
import fc from "fast-check";
import { makeParts, partOf } from "../../../coordinator/cache/map-parts.js";

describe("A map in parts", () => {
  it("finds under each key what was put there last, as one map does", () => {
    const key = fc.string({ unit: "binary", maxLength: 6 });
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.nat())), (entries) => {
        const parts = makeParts<number>();
        for (const [name, value] of entries) {
          partOf(parts, name).set(name, value);
        }
        const found = new Map(parts.flatMap((part) => [...part]));
        expect(found).to.deep.equal(new Map(entries));
        for (const [name, value] of found) {
          expect(partOf(parts, name).get(name)).to.equal(value);
        }
      }),
    );
  });

  const families: Record<string, (n: number) => string> = {
    "padded numbers": (n) => `record:${String(n).padStart(10, "0")}`,
    "numbers with a suffix": (n) => `user:${String(n).padStart(8, "0")}:name`,
    "hexadecimal ids": (n) => (n * 2_654_435_761).toString(16).padStart(13, "0"),
    "short numbers": String,
  };
  for (const [name, keyOf] of Object.entries(families)) {
    it(`spreads ${name} so that no part has most of them`, () => {
      const parts = makeParts<number>();
      const keys = 50_000;
      for (let n = 0; n < keys; n++) {
        const key = keyOf(n);
        partOf(parts, key).set(key, n);
      }
      expect(Math.max(...parts.map((part) => part.size))).to.be.below(keys / 4);
    });
  }
});
