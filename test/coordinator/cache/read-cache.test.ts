import { expect } from "chai";
import { CachedValue, ReadCache } from "../../../coordinator/cache/read-cache.js";

function value(name: string, text: string, expiresAt = 0): CachedValue {
  return CachedValue.text(name, 1, text, text.length, expiresAt);
}

function at(nowMs: number): () => number {
  return () => nowMs;
}

describe("ReadCache", () => {
  it("keeps what a read brings", () => {
    const cache = new ReadCache(10_000);
    const ticket = cache.ticket("k")!;
    cache.fill("k", ticket, value("k", "1"));
    expect(cache.get("k", at(0))?.text).to.equal("1");
  });

  it("does not keep what a read brings that a write overtook", () => {
    const cache = new ReadCache(10_000);
    const ticket = cache.ticket("k")!;
    expect(cache.invalidate("k")).to.equal(false);
    cache.fill("k", ticket, value("k", "old"));
    expect(cache.get("k", at(0))).to.equal(undefined);
  });

  it("takes in a write of a cached key when it is acknowledged, not before", () => {
    const cache = new ReadCache(10_000);
    cache.fill("k", cache.ticket("k")!, value("k", "old"));
    expect(cache.invalidate("k")).to.equal(true);
    const ticket = cache.refillTicket("k");
    expect(cache.get("k", at(0))).to.equal(undefined);
    cache.fill("k", ticket, value("k", "new"));
    expect(cache.get("k", at(0))?.text).to.equal("new");
  });

  it("takes in the last of several writes on the way, in whatever order they are acknowledged", () => {
    const cache = new ReadCache(10_000);
    cache.fill("k", cache.ticket("k")!, value("k", "0"));
    const tickets = [1, 2, 3].map(() => {
      expect(cache.invalidate("k")).to.equal(true);
      return cache.refillTicket("k");
    });
    cache.fill("k", tickets[2]!, value("k", "3"));
    cache.fill("k", tickets[0]!, value("k", "1"));
    cache.fill("k", tickets[1]!, value("k", "2"));
    expect(cache.get("k", at(0))?.text).to.equal("3");
  });

  it("forgets a key whose write was refused or deleted it", () => {
    const cache = new ReadCache(10_000);
    cache.fill("k", cache.ticket("k")!, value("k", "old"));
    cache.invalidate("k");
    cache.fill("k", cache.refillTicket("k"), undefined);
    expect(cache.get("k", at(0))).to.equal(undefined);
    expect(cache.invalidate("k")).to.equal(false);
  });

  it("drops everything, and what is on its way, at a write to many keys", () => {
    const cache = new ReadCache(10_000);
    cache.fill("a", cache.ticket("a")!, value("a", "1"));
    const read = cache.ticket("b")!;
    cache.invalidate("a");
    const write = cache.refillTicket("a");
    cache.clear();
    cache.fill("b", read, value("b", "2"));
    cache.fill("a", write, value("a", "3"));
    expect([cache.get("a", at(0)), cache.get("b", at(0)), cache.bytes]).to.deep.equal([
      undefined,
      undefined,
      0,
    ]);
  });

  it("finds a string without its bytes where the two have one name, and nothing else", () => {
    const cache = new ReadCache(10_000);
    // The UTF-8 bytes of "é", read as latin1.
    const name = Buffer.from("é").toString("latin1");
    for (const one of ["plain", name]) {
      cache.fill(one, cache.ticket(one)!, value(one, one, 1000));
    }
    expect(cache.getByKey("plain", at(999))?.text).to.equal("plain");
    expect(cache.getByKey("plain", at(1000))?.isMissing).to.equal(true);
    expect(cache.getByKey(name, at(0))).to.equal(undefined);
    expect(cache.getByKey("é", at(0))).to.equal(undefined);
    expect(cache.getByKey(Buffer.from("plain"), at(0))).to.equal(undefined);
    expect([cache.hits, cache.misses]).to.deep.equal([2, 0]);
    expect(cache.get(name, at(0))?.text).to.equal(name);
  });

  it("says of a value that has expired that there is none", () => {
    const cache = new ReadCache(10_000);
    cache.fill("k", cache.ticket("k")!, value("k", "1", 1000));
    expect(cache.get("k", at(999))?.isMissing).to.equal(false);
    expect(cache.get("k", at(1000))?.isMissing).to.equal(true);
  });

  it("keeps nothing where it is switched off", () => {
    const cache = new ReadCache(0);
    expect([cache.ticket("k"), cache.invalidate("k"), cache.get("k", at(0))]).to.deep.equal([
      undefined,
      false,
      undefined,
    ]);
  });
});
