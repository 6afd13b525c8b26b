import { expect } from "chai";
import { MergingCursor } from "../../../../shard/engine/iterator/merging-cursor.js";
import { itWithRandom, type Random } from "../../../support/random.js";
import {
  at,
  inOrder,
  type ModelEntry,
  put,
  readBackwards,
  readForwards,
  tombstone,
} from "../table/support.js";
import { ArrayCursor } from "./array-cursor.js";

const keys = ["", "\0", "a", "a\0", "a\0\0", "ab", "b", "b\u00ff", "c", "\u00ff"];

function randomEntry(random: Random): ModelEntry {
  const [key, sequence] = [random.pick(keys), random.int(12)];
  return random.chance(0.3)
    ? tombstone(key, sequence)
    : put(key, sequence, `${key}${sequence}`, random.int(3), random.int(9));
}

/** A merge of some arrays, and all that is in them as one; a key may have versions in several. */
function mergeOf(random: Random): { cursor: MergingCursor; model: ModelEntry[] } {
  const model = inOrder(Array.from({ length: random.int(50) }, () => randomEntry(random)));
  const inputs: ModelEntry[][] = Array.from({ length: random.between(1, 9) }, () => []);
  for (const entry of model) {
    random.pick(inputs).push(entry);
  }
  return { cursor: new MergingCursor(inputs.map((entries) => new ArrayCursor(entries))), model };
}

/** Seeks, and gives back the place where that leads in the model. */
function seekAtRandom(random: Random, cursor: MergingCursor, model: readonly ModelEntry[]): number {
  const target = random.pick([...keys, "aa", "bb", "d"]);
  const before = model.filter(({ key }) => key < target).length;
  const seeks: [() => void, number][] = [
    [() => cursor.seekToFirst(), 0],
    [() => cursor.seekToLast(), model.length - 1],
    [() => cursor.seek(target), before],
    [() => cursor.seekBefore(target), before - 1],
  ];
  const [seek, place] = random.pick(seeks);
  seek();
  return place;
}

describe("Cursors that are merged", () => {
  itWithRandom("give every entry of each once, in order, forwards and backwards", (random) => {
    for (let round = 0; round < 200; round++) {
      const { cursor, model } = mergeOf(random);
      expect(readForwards(cursor)).to.deep.equal(model);
      expect(readBackwards(cursor)).to.deep.equal(model);
    }
  });

  itWithRandom("stand where one array would, after any seeks, steps and turns", (random) => {
    for (let round = 0; round < 100; round++) {
      const { cursor, model } = mergeOf(random);
      for (let seeks = 0; seeks < 10; seeks++) {
        let place = seekAtRandom(random, cursor, model);
        expect(at(cursor)).to.deep.equal(model[place]);
        for (let steps = random.int(12); steps > 0 && cursor.valid; steps--) {
          const step = random.pick(["next", "prev"] as const);
          cursor[step]();
          place += step === "next" ? 1 : -1;
          expect(at(cursor)).to.deep.equal(model[place]);
        }
      }
    }
  });

  it("give the versions of one key from new to old, whichever of them has which", () => {
    const [newest, middle, oldest] = [put("k", 9, "new"), tombstone("k", 5), put("k", 2, "old")];
    const cursor = new MergingCursor([
      new ArrayCursor([middle]),
      new ArrayCursor([newest, oldest]),
      new ArrayCursor([put("j", 7), put("l", 8)]),
    ]);
    cursor.seek("k");
    const found = [at(cursor)];
    for (let steps = 0; steps < 2; steps++) {
      cursor.next();
      found.push(at(cursor));
    }
    expect(found).to.deep.equal([newest, middle, oldest]);
    cursor.prev();
    expect(at(cursor), "turned within the key").to.deep.equal(middle);
    cursor.next();
    expect(at(cursor), "and back").to.deep.equal(oldest);
    cursor.seekBefore("l");
    expect(at(cursor), "the oldest version").to.deep.equal(oldest);
  });

  it("stand on nothing where none has an entry, or there are none", () => {
    for (const inputs of [[], [new ArrayCursor([]), new ArrayCursor([])]]) {
      const cursor = new MergingCursor(inputs);
      expect(cursor.valid).to.equal(false);
      for (const seek of ["seekToFirst", "seekToLast"] as const) {
        cursor[seek]();
        expect(cursor.valid).to.equal(false);
      }
      cursor.seek("");
      expect(cursor.valid).to.equal(false);
    }
  });

  it("can be used again after their end was passed", () => {
    const entries = [put("a", 1), put("b", 2)];
    const cursor = new MergingCursor(entries.map((entry) => new ArrayCursor([entry])));
    cursor.seekToLast();
    cursor.next();
    expect(cursor.valid).to.equal(false);
    cursor.seekBefore("b");
    expect(at(cursor)).to.deep.equal(entries[0]);
    cursor.prev();
    expect(cursor.valid).to.equal(false);
    cursor.seek("a");
    expect(at(cursor)).to.deep.equal(entries[0]);
  });
});
