import { expect } from "chai";
import fc from "fast-check";
import { finalMix, hashBytes, hashName } from "../../shared/hash.js";

function hashOf(text: string): number {
  const bytes = Buffer.from(text);
  return hashBytes(bytes, 0, bytes.length);
}

/** xxHash32 as its specification tells it, in big integers: slow, and written without a look at the product's. */
function specifiedHash(input: Uint8Array): number {
  const [p1, p2, p3, p4, p5] = [2654435761n, 2246822519n, 3266489917n, 668265263n, 374761393n];
  const mask = 0xffff_ffffn;
  const rotate = (value: bigint, bits: bigint): bigint => ((value << bits) | (value >> (32n - bits))) & mask;
  const word = (at: number): bigint => BigInt(Buffer.from(input).readUInt32LE(at));
  let at = 0;
  let hash = p5;
  if (input.length >= 16) {
    const lanes = [p1 + p2, p2, 0n, -p1].map((lane) => lane & mask);
    for (; at + 16 <= input.length; at += 16) {
      lanes.forEach((lane, index) => {
        lanes[index] = (rotate((lane + word(at + 4 * index) * p2) & mask, 13n) * p1) & mask;
      });
    }
    hash = [1n, 7n, 12n, 18n].reduce((sum, bits, index) => sum + rotate(lanes[index]!, bits), 0n) & mask;
  }
  hash = (hash + BigInt(input.length)) & mask;
  for (; at + 4 <= input.length; at += 4) {
    hash = (rotate((hash + word(at) * p3) & mask, 17n) * p4) & mask;
  }
  for (; at < input.length; at += 1) {
    hash = (rotate((hash + BigInt(input[at]!) * p5) & mask, 11n) * p1) & mask;
  }
  hash = ((hash ^ (hash >> 15n)) * p2) & mask;
  hash = ((hash ^ (hash >> 13n)) * p3) & mask;
  return Number(hash ^ (hash >> 16n));
}

describe("shared: the hash that routes keys", () => {
  it("is xxHash32 with seed 0, by published values", () => {
    expect(hashName).to.equal("xxh32");
    const published: [string, number][] = [
      ["", 0x02cc5d05],
      ["a", 0x550d7456],
      ["abc", 0x32d153ff],
      ["Nobody inspects the spammish repetition", 0xe2293b2f],
    ];
    for (const [text, expected] of published) {
      expect(hashOf(text), text).to.equal(expected);
      expect(specifiedHash(Buffer.from(text)), text).to.equal(expected);
    }
  });

  /** The sanity buffer and checks of the reference implementation's own self-test, those with seed 0. */
  it("agrees with the reference implementation's self-test", () => {
    const buffer = Buffer.alloc(222);
    let generator = 2654435761n;
    for (let at = 0; at < buffer.length; at += 1) {
      buffer[at] = Number(generator >> 56n);
      generator = (generator * 11400714785074694797n) & 0xffff_ffff_ffff_ffffn;
    }
    const published: [number, number][] = [
      [1, 0xcf65b03e],
      [14, 0x1208e7e2],
      [222, 0x5bd11dbd],
    ];
    for (const [length, expected] of published) {
      expect(hashBytes(buffer, 0, length), `${length} bytes`).to.equal(expected);
    }
  });

  it("agrees with the specification at every length and offset", () => {
    const bytes = Buffer.from(Array.from({ length: 90 }, (_, at) => (at * 151 + 43) & 0xff));
    for (let length = 0; length <= 80; length += 1) {
      const start = length % 7;
      expect(hashBytes(bytes, start, start + length)).to.equal(
        specifiedHash(bytes.subarray(start, start + length)),
      );
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(20), fc.nat(20), (slice, before, after) => {
        const whole = Buffer.concat([Buffer.alloc(before, 0xaa), slice, Buffer.alloc(after, 0x55)]);
        expect(hashBytes(whole, before, before + slice.length)).to.equal(specifiedHash(slice));
      }),
    );
  });

  it("spreads numbered keys evenly over shards", () => {
    for (const shards of [2, 3, 4, 7, 16]) {
      const counts = new Array<number>(shards).fill(0);
      for (let key = 0; key < 20_000; key += 1) {
        const shard = hashOf(`user:${key}`) % shards;
        counts[shard] = counts[shard]! + 1;
      }
      const even = 20_000 / shards;
      expect(Math.max(...counts)).to.be.lessThan(even * 1.15);
      expect(Math.min(...counts)).to.be.greaterThan(even * 0.85);
    }
  });

  it("mixes into an unsigned integer", () => {
    fc.assert(
      fc.property(fc.integer(), (hash) => {
        const mixed = finalMix(hash);
        expect(Number.isInteger(mixed) && mixed >= 0 && mixed < 2 ** 32).to.equal(true);
      }),
    );
  });
});
