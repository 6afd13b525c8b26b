import { expect } from "chai";
import fc from "fast-check";
import { type Cacheable, SecondChanceCache } from "../../../coordinator/cache/second-chance-cache.js";
import { collectGarbage } from "../../support/memory.js";

function item(sizeBytes: number): Cacheable {
  return { sizeBytes, wasUsed: false };
}

describe("SecondChanceCache", () => {
  it("never holds more than its capacity, and nothing that was not put in last", () => {
    const step = fc.record({
      what: fc.constantFrom("set", "set", "set", "get", "resize", "delete", "clear"),
      key: fc.nat({ max: 30 }).map(String),
      sizeBytes: fc.integer({ min: 1, max: 45 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const cache = new SecondChanceCache<Cacheable>(200);
        const latest = new Map<string, Cacheable>();
        for (const { what, key, sizeBytes } of steps) {
          if (what === "set") {
            const value = item(sizeBytes);
            cache.set(key, value);
            latest.set(key, value);
            expect(cache.get(key)).to.equal(value);
          } else if (what === "resize") {
            const there = cache.peek(key);
            if (there !== undefined) {
              cache.resize(there, sizeBytes);
              expect(there.sizeBytes).to.equal(sizeBytes);
            }
          } else if (what === "delete") {
            const isThere = cache.get(key) !== undefined;
            expect(cache.delete(key)).to.equal(isThere);
            latest.delete(key);
          } else if (what === "clear") {
            cache.clear();
            latest.clear();
          }
          const found = cache.get(key);
          expect(found === undefined || found === latest.get(key)).to.equal(true);
          expect(cache.bytes).to.be.within(0, 200);
        }
        let held = 0;
        for (const key of latest.keys()) {
          held += cache.get(key)?.sizeBytes ?? 0;
        }
        expect(held).to.equal(cache.bytes);
      }),
    );
  });

  it("takes what another one leaves unused, and gives it back when that one wants it", () => {
    const step = fc.record({
      what: fc.constantFrom("borrow", "borrow", "lend", "delete", "resize", "clear"),
      key: fc.nat({ max: 40 }).map(String),
      sizeBytes: fc.integer({ min: 1, max: 45 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const lender = new SecondChanceCache<Cacheable>(200);
        const alone = new SecondChanceCache<Cacheable>(200);
        const borrower = new SecondChanceCache<Cacheable>(100, undefined, lender);
        for (const { what, key, sizeBytes } of steps) {
          if (what === "borrow") {
            borrower.set(key, item(sizeBytes));
            expect(borrower.peek(key)).not.to.equal(undefined);
          }
          // Whoever lends is as one that lends nothing.
          for (const cache of [lender, alone]) {
            if (what === "lend") {
              cache.set(key, item(sizeBytes));
            } else if (what === "delete") {
              cache.delete(key);
            } else if (what === "clear") {
              cache.clear();
            } else if (what === "resize" && cache.peek(key) !== undefined) {
              cache.resize(cache.peek(key)!, sizeBytes);
            }
          }
          expect(lender.bytes).to.equal(alone.bytes);
          expect(borrower.bytes).to.be.at.most(borrower.limitBytes);
          expect(borrower.bytes + lender.bytes).to.be.at.most(300);
        }
      }),
    );

    const lender = new SecondChanceCache<Cacheable>(200);
    const borrower = new SecondChanceCache<Cacheable>(100, undefined, lender);
    for (let key = 0; key < 30; key++) {
      borrower.set(String(key), item(10));
    }
    expect(borrower.bytes).to.equal(300);
    for (let key = 0; key < 20; key++) {
      lender.set(String(key), item(10));
    }
    expect(lender.bytes).to.equal(200);
    expect(borrower.bytes).to.equal(100);
  });

  it("keeps everything as long as there is room", () => {
    const cache = new SecondChanceCache<Cacheable>(1000);
    for (let key = 0; key < 100; key++) {
      cache.set(String(key), item(10));
    }
    expect(cache.size).to.equal(100);
  });

  it("keeps what is read over and over while others come and go", () => {
    const cache = new SecondChanceCache<Cacheable>(1000);
    for (let hot = 0; hot < 20; hot++) {
      cache.set(`hot-${hot}`, item(10));
    }
    for (let key = 0; key < 10_000; key++) {
      cache.set(String(key), item(10));
      const hot = `hot-${key % 20}`;
      expect(cache.get(hot), hot).to.not.equal(undefined);
    }
  });

  it("does not keep what is larger than the cache, nor what it replaces", () => {
    const cache = new SecondChanceCache<Cacheable>(100);
    cache.set("a", item(10));
    cache.set("b", item(20));
    cache.set("a", item(101));
    expect([cache.get("a"), cache.size, cache.bytes]).to.deep.equal([undefined, 1, 20]);
  });

  it("takes no more memory the longer the same keys are put in, also where it never has to let one go", () => {
    const cache = new SecondChanceCache<Cacheable>(64 * 1024 * 1024);
    const keys = Array.from({ length: 50_000 }, (_, n) => `key-${n}`);
    const heapAfter = (rounds: number): number => {
      for (let round = 0; round < rounds; round++) {
        for (const key of keys) {
          cache.set(key, item(100));
        }
      }
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    const before = heapAfter(4);
    expect(heapAfter(12) - before).to.be.below(1024 * 1024);
  });
});
