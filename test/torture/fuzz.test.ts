/** That the demands on decoders are demands: a decoder that breaks one is found. */

import { expect } from "chai";
import { FastKVError } from "../../shared/errors.js";
import { collectGarbage } from "../support/memory.js";
import { Random } from "../support/random.js";
import { readCorpus, targets } from "./groups/fuzz/corpus.js";
import { DecoderFuzz } from "./groups/fuzz/decoders.js";
import { checkPrototypes, feedWithin } from "./groups/fuzz/limits.js";
import type { FuzzTarget } from "./groups/fuzz/target.js";

function decoder(feed: (bytes: Buffer) => void): FuzzTarget {
  return { name: "made up", samples: async () => ({}), feed };
}

async function failureOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("It should have failed");
}

const input = Buffer.from("input");

describe("the fuzzed decoders", function () {
  this.timeout(60_000);

  it("may refuse their input with an error of ours, and with no other", async () => {
    const refusing = decoder(() => {
      throw new FastKVError("FASTKV_CORRUPTION", "no");
    });
    expect(await feedWithin(refusing, input)).to.equal(false);
    for (const error of [new RangeError("offset"), new FastKVError("FASTKV_INTERNAL", "a bug")]) {
      const failing = decoder(() => {
        throw error;
      });
      expect(await failureOf(feedWithin(failing, input))).to.contain("NONE OF OURS");
    }
  });

  it("may not allocate what an input claims", async () => {
    const held: unknown[] = [];
    for (const allocate of [() => Buffer.alloc(64 * 1024 * 1024), () => new Array(16 * 1024 * 1024)]) {
      const greedy = decoder(() => {
        held.push(allocate());
      });
      expect(await failureOf(feedWithin(greedy, input))).to.contain("TOO MUCH MEMORY");
    }
    expect(held).to.have.length(2);
  });

  it("may not hide what they allocate in the collection of what others left", async () => {
    const others = Array.from({ length: 100 }, () => Buffer.alloc(1024 * 1024));
    others.length = 0;
    const greedy = decoder(() => {
      held.push(Buffer.alloc(64 * 1024 * 1024));
      collectGarbage();
    });
    const held: Buffer[] = [];
    expect(await failureOf(feedWithin(greedy, input))).to.contain("TOO MUCH MEMORY");
    expect(held).to.have.length(1);
  });

  it("may not touch a prototype", () => {
    const prototype = Object.prototype as { polluted?: number };
    Object.defineProperty(prototype, "polluted", { value: 1, configurable: true });
    try {
      expect(() => checkPrototypes()).to.throw("A PROTOTYPE WAS TOUCHED");
    } finally {
      delete prototype.polluted;
    }
    checkPrototypes();
  });

  it("have corpora with all bombs, in which each takes something", async () => {
    const fuzz = new DecoderFuzz(new Random(1));
    await fuzz.runCorpus();
    for (const target of targets) {
      // The names of files that were taken from databases depend on which codecs there are.
      const names = Object.keys(await target.samples()).filter((name) => /^(bomb|proto)/.test(name));
      const kept = [...readCorpus(target).keys()];
      expect(kept, target.name).to.include.members(names.map((name) => `${name}.bin`));
    }
  });
});
