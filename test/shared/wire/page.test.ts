import { expect } from "chai";
import fc from "fast-check";
import { PageReader } from "../../../coordinator/encoding/page-reader.js";
import { newEntry } from "../../../shard/engine/read-path/reads.js";
import { PageWriter, type WrittenPage } from "../../../shard/page-writer.js";
import { FastKVError } from "../../../shared/errors.js";
import { encodingTag } from "../../../shared/format/value-encoding.js";
import { valueHeaderBytes } from "../../../shared/wire/frame.js";
import {
  decodePageRequest,
  encodePageRequest,
  type PageRequest,
  pageHeaderBytes,
  pageMode,
} from "../../../shared/wire/page.js";

interface Written {
  key: string;
  value: Buffer;
  tag: number;
  expiresAt: number;
}

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const byteString = bytes.map((buffer) => buffer.latin1Slice(0, buffer.length));
const jsonText = fc.json({ maxDepth: 3 }).map((text) => Buffer.from(text));
const written: fc.Arbitrary<Written> = fc.record({
  key: byteString,
  value: fc.oneof({ weight: 4, arbitrary: jsonText }, { weight: 1, arbitrary: bytes }),
  tag: fc.constantFrom(encodingTag.json, encodingTag.json, encodingTag.json, encodingTag.binary),
  expiresAt: fc.constantFrom(0, 1_700_000_000_000),
});

function pageOf(entries: readonly Written[], mode: 0 | 1 | 2 = pageMode.entries): PageReader {
  return new PageReader(writePage(new PageWriter(), entries, mode).frame);
}

function writePage(
  writer: PageWriter,
  entries: readonly Written[],
  mode: 0 | 1 | 2 = pageMode.entries,
): WrittenPage {
  writer.start(mode);
  for (const { key, value, tag, expiresAt } of entries) {
    const entry = newEntry();
    writer.add(key, { ...entry, tag, expiresAt, valueBuffer: value, valueStart: 0, valueEnd: value.length });
  }
  return writer.take(1, { lower: "rest", upper: null });
}

/** What decoding one by one says: the value, or that it is damaged. */
function decodeOne(tag: number, frame: Buffer, start: number, end: number): unknown {
  return tag === encodingTag.json
    ? JSON.parse(frame.utf8Slice(start, end))
    : Buffer.from(frame.subarray(start, end));
}

function outcomeOf(read: () => unknown): unknown {
  try {
    return { value: read() };
  } catch {
    return "damaged";
  }
}

describe("A page of a scan", () => {
  it("gives every entry as it was put in, whatever is beside it", () => {
    fc.assert(
      fc.property(fc.array(written, { maxLength: 80 }), (entries) => {
        const page = pageOf(entries);
        for (const { key, value, tag, expiresAt } of entries) {
          expect(page.next()).to.equal(true);
          expect(page.key).to.equal(key);
          expect(page.tag).to.equal(tag);
          expect(page.expiresAt).to.equal(expiresAt);
          expect(Buffer.from(page.stored())).to.deep.equal(value);
          const alone = outcomeOf(() => decodeOne(tag, value, 0, value.length));
          expect(outcomeOf(() => page.value(decodeOne))).to.deep.equal(alone);
        }
        expect(page.next()).to.equal(false);
      }),
    );
  });

  it("keeps its bytes until it is given back, and is written where one that was given back stood", () => {
    const writer = new PageWriter();
    const page = (name: string, valueBytes: number): WrittenPage =>
      writePage(writer, [{ key: name, value: Buffer.alloc(valueBytes, name), tag: 0, expiresAt: 0 }]);
    const expectPage = ({ frame }: WrittenPage, name: string, valueBytes: number): void => {
      const reader = new PageReader(frame);
      expect([reader.next(), reader.key, reader.next()]).to.deep.equal([true, name, false]);
      const again = new PageReader(frame);
      again.next();
      expect(Buffer.from(again.stored())).to.deep.equal(Buffer.alloc(valueBytes, name));
      expect(again.rest?.lower.toString()).to.equal("rest");
    };
    const a = page("a", 10);
    const b = page("b", 100_000);
    const c = page("c", 3_000_000);
    expectPage(a, "a", 10);
    expectPage(b, "b", 100_000);
    expectPage(c, "c", 3_000_000);
    c.release();
    const placeOfB = b.frame.buffer;
    b.release();
    page("d", 0);
    const e = page("e", 50_000);
    const f = page("f", 20_000);
    expect(e.frame.buffer).to.equal(placeOfB);
    expect(f.frame.buffer).to.not.equal(placeOfB);
    expectPage(a, "a", 10);
    expectPage(e, "e", 50_000);
    expectPage(f, "f", 20_000);
  });

  it("has its bounds behind its keys, whatever size it comes to", () => {
    const lower = "lower-bound".repeat(4);
    const upper = "upper-bound".repeat(4);
    // Around the sizes at which the frame's memory grows.
    for (const size of [16 * 1024, 32 * 1024]) {
      for (let valueBytes = size - 250; valueBytes < size + 20; valueBytes++) {
        const writer = new PageWriter();
        writer.start(pageMode.entries);
        const entry = { ...newEntry(), valueBuffer: Buffer.alloc(valueBytes, "v"), valueEnd: valueBytes };
        writer.add("key", entry);
        const page = new PageReader(writer.take(1, { lower, upper }).frame);
        expect([page.next(), page.key, page.next()]).to.deep.equal([true, "key", false]);
        expect(page.rest?.lower.toString()).to.equal(lower);
        expect(page.rest?.upper?.toString()).to.equal(upper);
      }
    }
  });

  it("names the damaged value among sound ones, and gives the sound ones", () => {
    const texts = ["1", "[2", '{"a":3}', "4],[5", "6,7", "", "8"];
    const page = pageOf(
      texts.map((text, at) => ({
        key: `k${at}`,
        value: Buffer.from(text),
        tag: encodingTag.json,
        expiresAt: 0,
      })),
    );
    const outcomes = texts.map(() => {
      page.next();
      return outcomeOf(() => page.value(decodeOne));
    });
    expect(outcomes).to.deep.equal([
      { value: 1 },
      "damaged",
      { value: { a: 3 } },
      "damaged",
      "damaged",
      "damaged",
      { value: 8 },
    ]);
  });

  it("takes no value for longer than there is room in it, whichever claims to be", () => {
    const entries = Array.from({ length: 6 }, (_, at) => ({
      key: `k${at}`,
      value: Buffer.from(`{"a":${at}}`),
      tag: encodingTag.json,
      expiresAt: 0,
    }));
    const headersStart = pageHeaderBytes + writePage(new PageWriter(), entries).frame.readUInt32LE(16);
    for (let liar = 0; liar < entries.length; liar++) {
      for (const claimed of [8, 60, 300, 700, 4_000, 0xffff_ffff]) {
        const { frame } = writePage(new PageWriter(), entries);
        frame.writeUInt32LE(claimed, headersStart + liar * valueHeaderBytes + 4);
        const page = new PageReader(frame);
        const read = (): void => {
          while (page.next()) {
            page.value(() => "decoded alone");
          }
        };
        expect(read, `${liar}: ${claimed}`).to.throw(FastKVError, "a frame has the values that it describes");
      }
    }
  });

  it("has no values where keys were asked for, and no entries where their number was", () => {
    const entry = { key: "k", value: Buffer.from("1"), tag: encodingTag.json, expiresAt: 5 };
    const keys = pageOf([entry, entry], pageMode.keys);
    expect([keys.next(), keys.key, keys.stored().length, keys.next(), keys.next()]).to.deep.equal([
      true,
      "k",
      0,
      true,
      false,
    ]);
    const count = pageOf([entry, entry], pageMode.count);
    expect([count.entries, count.next()]).to.deep.equal([2, false]);
  });

  it("is asked for with all that the request says", () => {
    const request = fc.record<PageRequest>({
      type: fc.constant("page"),
      mode: fc.constantFrom(pageMode.entries, pageMode.keys, pageMode.count),
      lower: bytes,
      upper: fc.option(bytes),
      reverse: fc.boolean(),
      sequence: fc.maxSafeNat(),
      timeMs: fc.double({ noNaN: true }),
      maxEntries: fc.nat(),
      maxBytes: fc.nat(),
      holdId: fc.maxSafeNat(),
    });
    fc.assert(
      fc.property(request, fc.array(fc.maxSafeNat()), fc.nat(), (asked, released, id) => {
        expect(decodePageRequest(encodePageRequest(id, asked, released))).to.deep.equal({
          id,
          request: asked,
          released,
        });
      }),
    );
  });
});
