import { expect } from "chai";
import fc from "fast-check";
import { FastKVError } from "../../../shared/errors.js";
import {
  checkSection,
  type Operation,
  OperationReader,
  OperationSection,
  operationBytes,
  operationFlag,
  operationHeaderBytes,
  operationKind,
  rangeFlag,
} from "../../../shared/format/operations.js";
import { caught, outcome } from "../../support/errors.js";
import { itWithRandom, type Random } from "../../support/random.js";

type Stamped = Operation & { sequenceDelta: number };

const operations: fc.Arbitrary<Stamped> = fc.record({
  kind: fc.constantFrom(...Object.values(operationKind)),
  tag: fc.nat(255),
  expiresAt: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 8.64e15 })),
  logged: fc.boolean(),
  key: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(new Uint8Array(65_535))),
  value: fc.uint8Array({ maxLength: 300 }),
  sequenceDelta: fc.nat(0xffff_ffff),
});

function section(written: readonly Stamped[]): OperationSection {
  const target = new OperationSection(16);
  for (const operation of written) {
    target.append(operation, operation.sequenceDelta);
  }
  return target;
}

function readAll(reader: OperationReader): Stamped[] {
  const found: Stamped[] = [];
  while (reader.next()) {
    const { kind, tag, expiresAt, logged, sequenceDelta } = reader;
    const key = new Uint8Array(reader.buffer.subarray(reader.keyStart, reader.valueStart));
    const value = new Uint8Array(reader.buffer.subarray(reader.valueStart, reader.end));
    found.push({ kind, tag, expiresAt, logged, key, value, sequenceDelta });
  }
  return found;
}

function sampleSection(random: Random): Buffer {
  const written = Array.from({ length: random.between(1, 8) }, () => ({
    kind: random.pick(Object.values(operationKind)),
    tag: random.int(5),
    expiresAt: random.chance(0.5) ? 0 : random.int(2 ** 31) + 1,
    logged: random.chance(0.5),
    key: random.bytes(random.int(12)),
    value: random.bytes(random.int(30)),
    sequenceDelta: random.int(100),
  }));
  return Buffer.from(section(written).bytes());
}

/** Reads to the end or to the first complaint, and checks on the way that nothing reaches behind the limit. */
function readSafely(buffer: Buffer, start: number, limit: number): void {
  const reader = new OperationReader(buffer, start, limit);
  let expectedStart = start;
  try {
    while (reader.next()) {
      expect(reader.start).to.equal(expectedStart);
      expect(reader.keyStart).to.be.at.least(reader.start + operationHeaderBytes);
      expect(reader.valueStart).to.be.at.least(reader.keyStart);
      expect(reader.end).to.be.at.least(reader.valueStart).and.at.most(limit);
      expectedStart = reader.end;
    }
    expect(expectedStart).to.equal(limit);
  } catch (error) {
    if (!(error instanceof FastKVError)) {
      throw error;
    }
    expect(error.code).to.equal("FASTKV_CORRUPTION");
    expect(error.message).to.contain(`offset ${expectedStart}`);
  }
}

describe("shared: operations", () => {
  it("have a frozen form", () => {
    const bytes = section([
      {
        kind: operationKind.put,
        tag: 1,
        expiresAt: 1.5,
        logged: true,
        key: Buffer.from("key"),
        value: Buffer.from("value"),
        sequenceDelta: 0x01020304,
      },
      {
        kind: operationKind.deleteRange,
        tag: rangeFlag.lowerExclusive | rangeFlag.upperInclusive,
        expiresAt: 0,
        logged: false,
        key: Buffer.from("a"),
        value: Buffer.from("b"),
        sequenceDelta: 2,
      },
    ]).bytes();
    expect(bytes.toString("hex")).to.equal(
      [
        ...["31", "01", "0300", "05000000", "04030201", "000000000000f83f", "6b6579", "76616c7565"],
        ...["03", "03", "0100", "01000000", "02000000", "61", "62"],
      ].join(""),
    );
    expect(operationKind).to.deep.equal({ put: 1, delete: 2, deleteRange: 3, ingest: 4 });
    expect(operationFlag).to.deep.equal({ expires: 0x10, logged: 0x20 });
    expect(rangeFlag).to.deep.equal({ lowerExclusive: 1, upperInclusive: 2, unbounded: 4 });
  });

  it("come back as they were written, and take the bytes that were foretold", () => {
    fc.assert(
      fc.property(fc.array(operations, { maxLength: 8 }), (written) => {
        const bytes = section(written).bytes();
        const foretold = written.map(({ key, value, expiresAt }) =>
          operationBytes(key.length, value.length, expiresAt !== 0),
        );
        expect(bytes.length).to.equal(foretold.reduce((sum, size) => sum + size, 0));
        const found = readAll(new OperationReader(bytes));
        expect(found).to.deep.equal(written);
      }),
      { numRuns: 60 },
    );
  });

  it("can be read from the middle of a buffer", () => {
    fc.assert(
      fc.property(
        fc.array(operations, { maxLength: 4 }),
        fc.nat(30),
        fc.nat(30),
        (written, before, after) => {
          const bytes = section(written).bytes();
          const whole = Buffer.concat([Buffer.alloc(before, 0xff), bytes, Buffer.alloc(after, 0xff)]);
          const found = readAll(new OperationReader(whole, before, before + bytes.length));
          expect(found).to.deep.equal(written);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("end cleanly, again and again", () => {
    const reader = new OperationReader(Buffer.alloc(0));
    expect([reader.next(), reader.next()]).to.deep.equal([false, false]);
  });

  itWithRandom("cut at any byte are malformed, except between two operations", (random) => {
    for (let round = 0; round < 20; round += 1) {
      const bytes = sampleSection(random);
      const boundaries = new Set([0]);
      const reader = new OperationReader(bytes);
      while (reader.next()) {
        boundaries.add(reader.end);
      }
      for (let limit = 0; limit < bytes.length; limit += 1) {
        const cut = new OperationReader(bytes, 0, limit);
        if (boundaries.has(limit)) {
          readAll(cut);
        } else {
          expect(caught(() => readAll(cut)).code).to.equal("FASTKV_CORRUPTION");
        }
      }
    }
  });

  itWithRandom("of an unknown kind or flag are malformed", (random) => {
    for (let first = 0; first < 256; first += 1) {
      const bytes = Buffer.concat([Buffer.of(first), Buffer.alloc(19)]);
      const isKnown = (first & 0x0f) >= 1 && (first & 0x0f) <= 4 && (first & 0xc0) === 0;
      const reader = new OperationReader(bytes, 0, (first & 0x10) === 0 ? 12 : 20);
      if (isKnown) {
        expect(reader.next()).to.equal(true);
      } else {
        expect(caught(() => reader.next()).code).to.equal("FASTKV_CORRUPTION");
      }
    }
    for (let round = 0; round < 3000; round += 1) {
      const bytes = random.bytes(random.int(80));
      readSafely(bytes, 0, bytes.length);
    }
  });

  itWithRandom("are found malformed by one glance at the section as by reading it", (random) => {
    for (let round = 0; round < 3000; round += 1) {
      const bytes = sampleSection(random);
      for (let changes = random.int(3); changes > 0; changes -= 1) {
        bytes[random.int(bytes.length)] = random.pick([0, 0xff, random.int(256)]);
      }
      const part = bytes.subarray(0, random.chance(0.3) ? random.int(bytes.length + 1) : bytes.length);
      const reader = new OperationReader(part);
      const read = outcome(() => {
        while (reader.next()) {
          // Only whether it throws counts.
        }
      });
      expect(outcome(() => checkSection(part))).to.deep.equal(read);
    }
  });

  itWithRandom("however mutated, are never read behind their limit", (random) => {
    for (let round = 0; round < 3000; round += 1) {
      const bytes = sampleSection(random);
      for (let changes = random.between(1, 3); changes > 0; changes -= 1) {
        bytes[random.int(bytes.length)] = random.pick([0, 0xff, random.int(256)]);
      }
      // Valid operations stand behind the limit, ready to be mistaken for a part of the section.
      const whole = Buffer.concat([bytes, sampleSection(random)]);
      readSafely(whole, 0, random.between(0, bytes.length));
    }
  });
});
