import { expect } from "chai";
import { type FillTicket, ReadCache } from "../../../coordinator/cache/read-cache.js";

const never = 0;

/** A read of a key that is about to go to its shard. */
function read(cache: ReadCache, name: string): FillTicket {
  return cache.ticket(
    cache.get(name, () => 0),
    () => name,
  );
}

/** A put of a key that is about to go to its shard. */
function put(cache: ReadCache, name: string): FillTicket {
  const ticket = cache.invalidate(name, true);
  expect(ticket, `a ticket for the put of ${name}`).to.not.equal(undefined);
  return ticket!;
}

/** The call brings a text, in as many bytes; or undefined: it has failed. */
function bring(cache: ReadCache, ticket: FillTicket, text: string | undefined, expiresAt = never): void {
  if (!cache.wants(ticket)) {
    return;
  }
  if (text === undefined) {
    cache.forget(ticket);
  } else {
    cache.fillText(ticket, { tag: 1, text, bytes: text.length, expiresAt });
  }
}

function textOf(cache: ReadCache, name: string, nowMs = 0): string | undefined {
  const entry = cache.get(name, () => nowMs);
  return entry?.form === "text" ? entry.text : entry?.form;
}

describe("ReadCache", () => {
  it("keeps what a read brings", () => {
    const cache = new ReadCache(10_000);
    const ticket = read(cache, "k");
    expect(textOf(cache, "k")).to.equal("unknown");
    bring(cache, ticket, "1");
    expect(textOf(cache, "k")).to.equal("1");
    expect([cache.hits, cache.misses]).to.deep.equal([1, 2]);
  });

  it("keeps what the first of several reads brings, also where another one fails behind it", () => {
    const cache = new ReadCache(10_000);
    const reads = [read(cache, "k"), read(cache, "k"), read(cache, "k")];
    bring(cache, reads[1]!, "1");
    expect(cache.wants(reads[0]!)).to.equal(false);
    bring(cache, reads[0]!, "1");
    bring(cache, reads[2]!, undefined);
    expect(textOf(cache, "k")).to.equal("1");
  });

  it("keeps nothing of reads of which one fails first", () => {
    const cache = new ReadCache(10_000);
    const reads = [read(cache, "k"), read(cache, "k")];
    bring(cache, reads[0]!, undefined);
    const later = read(cache, "k");
    bring(cache, reads[1]!, "1");
    expect(textOf(cache, "k")).to.equal("unknown");
    bring(cache, later, "2");
    expect(textOf(cache, "k")).to.equal("2");
    cache.invalidate("k", false);
    expect(cache.bytes).to.equal(0);
  });

  for (const isPut of [true, false]) {
    it(`does not keep what a read brings that a ${isPut ? "put" : "delete"} overtook`, () => {
      const cache = new ReadCache(10_000);
      const ticket = read(cache, "k");
      cache.invalidate("k", isPut);
      bring(cache, ticket, "old");
      expect(textOf(cache, "k")).to.equal(isPut ? "unknown" : undefined);
      const later = read(cache, "k");
      bring(cache, ticket, "old");
      bring(cache, later, "new");
      expect(textOf(cache, "k")).to.equal("new");
    });
  }

  it("takes in a put of a cached key when it is acknowledged, not before, and none of another key", () => {
    const cache = new ReadCache(10_000);
    bring(cache, read(cache, "k"), "old");
    const ticket = put(cache, "k");
    expect(textOf(cache, "k")).to.equal("unknown");
    bring(cache, ticket, "new");
    expect(textOf(cache, "k")).to.equal("new");
    expect(cache.invalidate("other", true)).to.equal(undefined);
    expect(cache.get("other", () => 0)).to.equal(undefined);
  });

  it("takes in the last of several puts on the way, in whatever order they are acknowledged", () => {
    const cache = new ReadCache(10_000);
    bring(cache, read(cache, "k"), "0");
    const tickets = [1, 2, 3].map(() => put(cache, "k"));
    const behind = read(cache, "k");
    bring(cache, tickets[0]!, "1");
    expect(textOf(cache, "k")).to.equal("unknown");
    bring(cache, tickets[2]!, "3");
    bring(cache, tickets[1]!, "2");
    bring(cache, behind, "3");
    expect(textOf(cache, "k")).to.equal("3");
  });

  it("forgets a key whose put was refused, and one that was deleted", () => {
    const cache = new ReadCache(10_000);
    for (const name of ["put", "deleted"]) {
      bring(cache, read(cache, name), "old");
    }
    bring(cache, put(cache, "put"), undefined);
    expect(cache.invalidate("deleted", false)).to.equal(undefined);
    for (const name of ["put", "deleted"]) {
      expect(cache.get(name, () => 0)).to.equal(undefined);
      expect(cache.invalidate(name, true)).to.equal(undefined);
    }
    expect(cache.bytes).to.equal(0);
  });

  it("drops everything, and what is on its way, at a write to many keys", () => {
    const cache = new ReadCache(10_000);
    bring(cache, read(cache, "a"), "1");
    const asReadError = read(cache, "b");
    const ofPut = put(cache, "a");
    cache.clear();
    bring(cache, asReadError, "2");
    bring(cache, ofPut, "3");
    expect([textOf(cache, "a"), textOf(cache, "b"), cache.bytes]).to.deep.equal([undefined, undefined, 0]);
    bring(cache, read(cache, "a"), "4");
    expect(textOf(cache, "a")).to.equal("4");
  });

  it("keeps nothing for a call under way whose entry had to make room, or is too large", () => {
    const cache = new ReadCache(4_000);
    const early = read(cache, "early");
    for (let n = 0; n < 100; n++) {
      bring(cache, read(cache, `k${n}`), "v".repeat(100));
      expect(cache.bytes).to.be.within(100, 4_000);
    }
    bring(cache, early, "1");
    expect(cache.get("early", () => 0)).to.equal(undefined);
    const again = read(cache, "early");
    bring(cache, early, "1");
    bring(cache, again, "2");
    expect(textOf(cache, "early")).to.equal("2");
    const { bytes } = cache;
    bring(cache, read(cache, "k".repeat(4_000)), "1");
    expect(cache.bytes).to.equal(bytes);
    bring(cache, put(cache, "early"), "v".repeat(4_000));
    expect(cache.get("early", () => 0)).to.equal(undefined);
    expect(cache.bytes, "others stay").to.be.above(200);
    for (let n = 0; n < 100; n++) {
      cache.invalidate(`k${n}`, false);
    }
    expect(cache.bytes).to.equal(0);
  });

  it("finds a string without its bytes where the two have one name, and nothing else", () => {
    const cache = new ReadCache(10_000);
    // The UTF-8 bytes of "é", read as latin1.
    const name = Buffer.from("é").toString("latin1");
    for (const one of ["plain", name]) {
      bring(cache, read(cache, one), one, 1000);
    }
    const misses = cache.misses;
    const formOf = (key: string | Buffer, nowMs: number): string | undefined =>
      cache.getByKey(key, () => nowMs)?.form;
    expect(formOf("plain", 999)).to.equal("text");
    expect(formOf("plain", 1000)).to.equal("missing");
    expect(formOf(name, 0)).to.equal(undefined);
    expect(formOf("é", 0)).to.equal(undefined);
    expect(formOf(Buffer.from("plain"), 0)).to.equal(undefined);
    put(cache, "plain");
    expect(formOf("plain", 0)).to.equal(undefined);
    expect([cache.hits, cache.misses - misses]).to.deep.equal([2, 0]);
    expect(textOf(cache, name)).to.equal(name);
  });

  it("says of a value that has expired that there is none", () => {
    const cache = new ReadCache(10_000);
    const text = "1".repeat(2000);
    bring(cache, read(cache, "k"), text, 1000);
    const { bytes } = cache;
    expect(textOf(cache, "k", 999)).to.equal(text);
    expect(textOf(cache, "k", 1000)).to.equal("missing");
    expect(cache.bytes).to.be.below(bytes - 1000);
  });

  it("counts small entries as larger than they are: it is their number that the collector has to do with", () => {
    const cache = new ReadCache(64_000);
    for (let n = 0; n < 1000; n++) {
      bring(cache, read(cache, `k${n}`), "1");
    }
    const kept = Array.from({ length: 1000 }, (_, n) => cache.get(`k${n}`, () => 0)).filter((entry) => entry);
    expect(kept).to.have.length(100);
    expect(cache.bytes).to.equal(64_000);
  });

  it("keeps a plain value in the place of its text, unless that is no more what was decoded", () => {
    const cache = new ReadCache(10_000);
    const json = '{"a":[1]}';
    bring(cache, read(cache, "k"), json, 1000);
    const entry = cache.get("k", () => 0)!;
    cache.noteDecoded(entry, "another text", { a: 2 });
    expect(entry.form).to.equal("text");
    cache.noteDecoded(entry, json, { a: [1] });
    expect(entry).to.deep.include({ form: "tree", plain: { a: [1] }, text: "", expiresAt: 1000 });
    bring(cache, put(cache, "k"), json);
    cache.clear();
    const { bytes } = cache;
    cache.noteDecoded(entry, json, { a: [1] });
    expect([entry.form, cache.bytes]).to.deep.equal(["text", bytes]);
  });

  it("keeps nothing where it is switched off", () => {
    const cache = new ReadCache(0);
    expect(cache.isEnabled).to.equal(false);
    expect([cache.invalidate("k", true), cache.get("k", () => 0)]).to.deep.equal([undefined, undefined]);
  });
});
