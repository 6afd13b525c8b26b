import { expect } from "chai";
import fc from "fast-check";
import { BlockBuilder } from "../../../../shard/engine/table/block-builder.js";
import { BlockCache } from "../../../../shard/engine/table/block-cache.js";
import { Block } from "../../../../shard/engine/table/block-reader.js";

function blockOf(bytes: number): Block {
  const builder = new BlockBuilder(64);
  builder.add(Buffer.alloc(0), 0, 0, 1, 1, 0, 0, Buffer.alloc(bytes), 0, bytes);
  return new Block(Buffer.from(builder.finish()), "path", 0);
}

const block = blockOf(1000);

describe("block cache", () => {
  it("agrees with a map as long as nothing has to go", () => {
    const step = fc.record({
      action: fc.constantFrom("set", "set", "get", "evict"),
      table: fc.integer({ min: 1, max: 4 }),
      ordinal: fc.integer({ min: 0, max: 40 }),
    });
    const property = fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const cache = new BlockCache(1024 * 1024);
      const model = new Map<string, Block>();
      for (const { action, table, ordinal } of steps) {
        const name = `${table}/${ordinal}`;
        if (action === "set" && !model.has(name)) {
          const added = blockOf(ordinal);
          cache.set(table, ordinal, added);
          model.set(name, added);
        } else if (action === "evict") {
          cache.evictTable(table);
          for (const key of [...model.keys()].filter((key) => key.startsWith(`${table}/`))) {
            model.delete(key);
          }
        }
        expect(cache.get(table, ordinal)).to.equal(model.get(name));
        expect(cache.statistics().blocks).to.equal(model.size);
      }
    });
    fc.assert(property, { numRuns: 100 });
  });

  it("admits everything while it has room, then only what was missed not long ago", () => {
    const cache = new BlockCache(1024 * 1024);
    let kept = 0;
    while (cache.hasRoom) {
      expect(cache.admits(1, kept)).to.equal(true);
      cache.set(1, kept, block);
      kept += 1;
    }
    expect(kept).to.be.above(100);
    const admitted = (ordinals: readonly number[]): number =>
      ordinals.filter((ordinal) => cache.admits(2, ordinal)).length;
    const few = Array.from({ length: 20 }, (_, index) => index);
    const many = Array.from({ length: 5000 }, (_, index) => 1000 + index);
    expect(admitted(few)).to.equal(0);
    expect(admitted(few)).to.be.above(15);
    expect(admitted(many)).to.be.below(50);
    expect(admitted(few)).to.be.below(5);
    const off = new BlockCache(0);
    expect([off.admits(1, 1), off.admits(1, 1)]).to.deep.equal([false, false]);
  });

  it("stays within its bytes, overhead included, and never gives a wrong block", () => {
    const cache = new BlockCache(100_000);
    const blocks = Array.from({ length: 50 }, (_, index) => blockOf(index * 40));
    let seed = 1;
    for (let round = 0; round < 20_000; round += 1) {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      const ordinal = (seed >>> 8) % 600;
      const found = cache.get(1, ordinal);
      const expected = blocks[ordinal % 50]!;
      expect(found === undefined || found === expected).to.equal(true);
      if (found === undefined) {
        cache.set(1, ordinal, expected);
      }
      if (round % 5000 === 4999) {
        cache.evictTable(1);
        expect(cache.statistics().bytes).to.equal(0);
      }
      expect(cache.statistics().bytes).to.be.at.most(100_000);
    }
    expect(cache.statistics().evictions).to.be.greaterThan(1000);
    expect(cache.statistics().hits + cache.statistics().misses).to.equal(20_000);
  });

  it("keeps what is hit through a scan of what is not", () => {
    const cache = new BlockCache(100_000);
    for (let ordinal = 0; ordinal < 20; ordinal += 1) {
      cache.set(1, ordinal, block);
    }
    for (let scanned = 0; scanned < 500; scanned += 1) {
      for (let ordinal = 0; ordinal < 20; ordinal += 1) {
        expect(cache.get(1, ordinal)).to.equal(block);
      }
      cache.set(2, scanned, block);
    }
  });

  it("does not take a block that would drive out a large part of it", () => {
    const cache = new BlockCache(100_000);
    cache.set(1, 0, blockOf(30_000));
    expect(cache.get(1, 0)).to.equal(undefined);
  });

  it("holds nothing with a capacity of 0", () => {
    const cache = new BlockCache(0);
    cache.set(1, 0, block);
    expect(cache.get(1, 0)).to.equal(undefined);
    expect(cache.statistics().blocks).to.equal(0);
  });
});
