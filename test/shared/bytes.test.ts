import { expect } from "chai";
import fc from "fast-check";
import {
  asBuffer,
  byteStringOf,
  bytesOf,
  excerpt,
  readUint64,
  uint64Bytes,
  writeUint64,
} from "../../shared/bytes.js";

describe("shared: bytes", () => {
  describe("64-bit integers", () => {
    it("come back as they were written, up to the greatest safe integer", () => {
      const special = [0, 1, 0xffff_ffff, 0x1_0000_0000, 0x1_0000_0001, Number.MAX_SAFE_INTEGER];
      const values = fc.oneof(fc.constantFrom(...special), fc.maxSafeNat());
      fc.assert(
        fc.property(values, fc.nat(5), (value, offset) => {
          const bytes = Buffer.alloc(uint64Bytes + 5, 0xff);
          writeUint64(bytes, value, offset);
          expect(readUint64(bytes, offset)).to.equal(value);
          expect(bytes.readBigUInt64LE(offset)).to.equal(BigInt(value));
        }),
      );
    });

    it("read as NaN where they are beyond the greatest safe integer", () => {
      const bytes = Buffer.alloc(uint64Bytes);
      for (const value of [2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
        bytes.writeBigUInt64LE(value);
        expect(readUint64(bytes, 0)).to.be.NaN;
      }
    });
  });

  describe("byte strings", () => {
    it("hold each byte in one unit, and come back", () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
          const text = byteStringOf(bytes);
          expect(text).to.have.length(bytes.length);
          expect([...bytesOf(text)]).to.deep.equal([...bytes]);
        }),
      );
    });

    it("order as their bytes do", () => {
      const keys = fc.uint8Array({ maxLength: 6 });
      fc.assert(
        fc.property(keys, keys, (a, b) => {
          const [first, second] = [byteStringOf(a), byteStringOf(b)];
          const order = first < second ? -1 : first > second ? 1 : 0;
          expect(order).to.equal(Buffer.compare(a, b));
        }),
      );
    });

    it("are of the view's bytes only", () => {
      const view = new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
      expect(byteStringOf(view)).to.equal("\u0002\u0003");
    });
  });

  it("lends the same memory as a Buffer", () => {
    const whole = new Uint8Array([1, 2, 3, 4]);
    const buffer = asBuffer(whole.subarray(1, 3));
    expect([...buffer]).to.deep.equal([2, 3]);
    whole[1] = 9;
    expect(buffer[0]).to.equal(9);
    expect(asBuffer(buffer)).to.equal(buffer);
  });

  describe("excerpts of keys", () => {
    it("are short", () => {
      expect(excerpt("short")).to.equal('"short"');
      expect(excerpt("x".repeat(100))).to.equal(`"${"x".repeat(40)}..."`);
      expect(excerpt(Buffer.alloc(100_000, "y"), 3)).to.have.length.lessThan(12);
    });

    it("carry nothing that a terminal would obey", () => {
      fc.assert(
        fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.uint8Array()), (key) => {
          const shown = excerpt(key);
          const obeyed = [...shown].filter((unit) => {
            const code = unit.charCodeAt(0);
            return code < 0x20 || (code >= 0x7f && code < 0xa0) || code === 0x2028 || code === 0x2029;
          });
          expect(obeyed).to.deep.equal([]);
        }),
        { examples: [["\u001b[2J\u0007\u007f\u009b\r\n"]] },
      );
    });
  });
});
