import { expect } from "chai";
import { BloomFilter, BloomFilterBuilder } from "../../../../shard/engine/table/bloom-filter.js";
import { hashBytes } from "../../../../shared/hash.js";

/** Keys that one shard of many would hold: all agree in the hash that chose the shard. */
function* keysOfShard(shards: number, from: number): Generator<Buffer> {
  for (let number = from; ; number += 1) {
    const key = Buffer.from(`user:${number}`);
    if (hashBytes(key, 0, key.length) % shards === 0) {
      yield key;
    }
  }
}

function take(keys: Generator<Buffer>, count: number): Buffer[] {
  return Array.from({ length: count }, () => keys.next().value as Buffer);
}

function falsePositiveRate(stored: Buffer[], others: Buffer[], bitsPerKey: number): number {
  const builder = new BloomFilterBuilder(bitsPerKey);
  for (const key of stored) {
    builder.add(key, 0, key.length);
  }
  const filter = BloomFilter.decode(builder.finish(), "path", 0)!;
  const missed = stored.filter((key) => !filter.mayContain(key, 0, key.length));
  expect(missed).to.deep.equal([]);
  return others.filter((key) => filter.mayContain(key, 0, key.length)).length / others.length;
}

describe("bloom filter", () => {
  it("lets through less than 1.2% of 200,000 absent keys at 10 bits a key", () => {
    const keys = take(keysOfShard(1, 1_000_000), 400_000);
    const rate = falsePositiveRate(keys.slice(0, 200_000), keys.slice(200_000), 10);
    expect(rate).to.be.within(0.006, 0.012);
  }).timeout(20_000);

  /** Of one shard in 256, a 32-bit hash alone has 2^24 values; keys that share one cannot be told apart. */
  it("does so too where the keys agree in the hash that chose their shard", () => {
    const keys = take(keysOfShard(256, 0), 20_000);
    const rate = falsePositiveRate(keys.slice(0, 10_000), keys.slice(10_000), 10);
    expect(rate).to.be.within(0.005, 0.012);
  }).timeout(20_000);

  it("follows the number of bits", () => {
    const keys = take(keysOfShard(1, 0), 40_000);
    const stored = keys.slice(0, 20_000);
    const others = keys.slice(20_000);
    expect(falsePositiveRate(stored, others, 5)).to.be.within(0.05, 0.15);
    expect(falsePositiveRate(stored, others, 16)).to.be.lessThan(0.002);
  });

  it("is empty and says maybe with 0 bits a key", () => {
    const builder = new BloomFilterBuilder(0);
    builder.add(Buffer.from("a"), 0, 1);
    expect(BloomFilter.decode(builder.finish(), "path", 0)).to.equal(undefined);
  });
});
