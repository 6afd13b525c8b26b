import { expect } from "chai";
import { entryKind } from "../../../../shard/engine/iterator/cursor.js";
import { Memtable } from "../../../../shard/engine/memtable/memtable.js";
import { MemtableCursor } from "../../../../shard/engine/memtable/memtable-cursor.js";
import { rebuildMemtable } from "../../../../shard/engine/memtable/rebuild.js";
import { newEntry } from "../../../../shard/engine/read-path/reads.js";
import { bytesOf } from "../../../../shared/bytes.js";
import { OperationReader, OperationSection, operationKind } from "../../../../shared/format/operations.js";
import { itWithRandom, type Random } from "../../../support/random.js";

interface Version {
  key: string;
  sequence: number;
  /** Undefined of a delete. */
  value: string | undefined;
}

/** Families of byte strings that are hard to tell apart by a few of their bytes. */
const families: Record<string, (random: Random) => string> = {
  "any bytes": (random) => random.bytes(random.int(12)).toString("latin1"),
  "padded numbers": (random) => `user:${String(random.int(1000)).padStart(12, "0")}`,
  "several long names": (random) =>
    `${random.pick(["organisation", "organization", "o"])}:${"x".repeat(9)}${random.int(300)}`,
  "zeros at their ends": (random) => `${random.pick(["", "a", "ab", "abcde"])}${"\0".repeat(random.int(40))}`,
  "each the beginning of others": (random) => "abcdefg".repeat(60).slice(0, random.int(400)),
  "long beginnings in common": (random) => {
    const beginning = random.pick(["p", "q"]).repeat(random.pick([30, 32, 33, 63, 64, 100, 5000]));
    return `${beginning}${random.int(50)}${"r".repeat(random.int(3) * 100)}`;
  },
  "bytes above 127": (random) =>
    `\u00ff\u0080${"\u00fe".repeat(random.int(9))}${String.fromCharCode(random.int(256))}`,
  "one byte, many times over": (random) =>
    `${"z".repeat(random.int(3))}${String.fromCharCode(97 + random.int(4)).repeat(random.int(50))}`,
};

/** A memtable, and what it must hold, in the order of a cursor. */
class Fixture {
  readonly memtable: Memtable;
  readonly #random: Random;
  readonly #keyOf: (random: Random) => string;
  readonly #versions = new Map<string, Version[]>();
  #sequence = 1;

  constructor(random: Random, keyOf: (random: Random) => string) {
    this.#random = random;
    this.#keyOf = keyOf;
    this.memtable = new Memtable(1, { expectedBytes: 64 * 1024, runKeys: random.pick([4, 30, 200, 2048]) });
  }

  newKey(): string {
    return this.#keyOf(this.#random);
  }

  add(count: number, keptVersions: boolean): void {
    const section = new OperationSection(64);
    const first = this.#sequence;
    const added: Version[] = [];
    for (let n = 0; n < count; n++) {
      const sequence = this.#sequence++;
      const value = this.#random.chance(0.2) ? undefined : `value ${sequence}`;
      const version = { key: this.newKey(), sequence, value };
      added.push(version);
      const kind = value === undefined ? operationKind.delete : operationKind.put;
      const expiresAt = this.#random.chance(0.3) ? 5 : 0;
      const operation = { kind, tag: 0, expiresAt, logged: false, key: bytesOf(version.key) };
      section.append({ ...operation, value: Buffer.from(value ?? "") }, sequence - first);
    }
    const placed = this.memtable.arena.append(section.bytes(), first);
    const reader = new OperationReader(this.memtable.arena.buffer(placed.chunk), placed.start, placed.end);
    for (const version of added) {
      expect(reader.next()).to.equal(true);
      this.memtable.add(reader, placed, version.sequence, () => keptVersions);
      const older = this.#versions.get(version.key) ?? [];
      this.#versions.set(version.key, [version, ...(keptVersions ? older : older.slice(1))]);
    }
  }

  /** By key, and newest first. */
  get sorted(): Version[] {
    const keys = [...this.#versions.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    return keys.flatMap((key) => this.#versions.get(key)!);
  }

  get keys(): number {
    return this.#versions.size;
  }
}

function versionAt(cursor: MemtableCursor): Version {
  const { key, sequence, kind, valueBuffer, valueStart, valueEnd } = cursor;
  const value = kind === entryKind.delete ? undefined : valueBuffer.toString("utf8", valueStart, valueEnd);
  return { key, sequence, value };
}

function walk(cursor: MemtableCursor, step: "next" | "prev"): Version[] {
  const versions: Version[] = [];
  for (; cursor.valid; cursor[step]()) {
    versions.push(versionAt(cursor));
  }
  return versions;
}

function checkCursor(
  random: Random,
  memtable: Memtable,
  sorted: readonly Version[],
  seeks: readonly string[],
): void {
  const cursor = new MemtableCursor(memtable);
  cursor.seekToFirst();
  expect(walk(cursor, "next")).to.deep.equal(sorted);
  cursor.seekToLast();
  expect(walk(cursor, "prev")).to.deep.equal(sorted.toReversed());
  for (const key of seeks) {
    let place = sorted.findIndex((version) => version.key >= key);
    place = place < 0 ? sorted.length : place;
    if (random.chance(0.5)) {
      cursor.seek(key);
    } else {
      cursor.seekBefore(key);
      place -= 1;
    }
    for (let steps = random.int(8); steps > 0 && cursor.valid; steps--) {
      expect(versionAt(cursor)).to.deep.equal(sorted[place]);
      const step = random.pick(["next", "prev"] as const);
      cursor[step]();
      place += step === "next" ? 1 : -1;
    }
    expect(cursor.valid).to.equal(place >= 0 && place < sorted.length);
  }
}

describe("A memtable", () => {
  for (const [name, keyOf] of Object.entries(families)) {
    itWithRandom(`finds and orders its keys: ${name}`, async (random) => {
      for (let round = 0; round < 12; round++) {
        const fixture = new Fixture(random, keyOf);
        const { memtable } = fixture;
        const keptVersions = random.chance(0.5);
        for (let part = random.between(1, 4); part > 0; part--) {
          fixture.add(random.pick([1, 3, 40, 500]), keptVersions);
          if (random.chance(0.5)) {
            const seeks = Array.from({ length: 10 }, () => fixture.newKey());
            checkCursor(random, memtable, fixture.sorted, seeks);
          }
        }
        const { sorted } = fixture;
        expect(memtable.keys).to.equal(fixture.keys);
        checkCursor(random, memtable, sorted, []);
        const entry = newEntry();
        for (const { key, sequence, value } of sorted) {
          expect(memtable.get(key, sequence, entry)).to.equal(true);
          expect(entry.sequence).to.equal(sequence);
          const found = entry.valueBuffer.toString("utf8", entry.valueStart, entry.valueEnd);
          expect(found).to.equal(value ?? "");
          const isOldest = !sorted.some((other) => other.key === key && other.sequence < sequence);
          expect(memtable.get(key, sequence - 1, entry)).to.equal(!isOldest);
          expect(memtable.get(`${key}!`, Number.MAX_SAFE_INTEGER, entry)).to.equal(
            sorted.some((other) => other.key === `${key}!`),
          );
        }
        if (keptVersions) {
          checkCursor(random, rebuildMemtable(memtable.share()), sorted, []);
        }
      }
    });
  }

  itWithRandom("holds 100,000 keys, in far less memory than their strings would take", async (random) => {
    const fixture = new Fixture(random, (one) => `key:${one.next32()}`);
    const { memtable } = fixture;
    fixture.add(100_000, true);
    const bytes = memtable.memoryBytes - memtable.arena.allocatedBytes;
    expect(bytes / memtable.keys).to.be.below(64);
    checkCursor(random, rebuildMemtable(memtable.share()), fixture.sorted, []);
  });
});
