import { expect } from "chai";
import type { EngineOptions } from "../../../../shard/engine/options.js";
import { pressureOf, stallOf } from "../../../../shard/engine/write-path/stall.js";

const triggers = { levelZeroSlowdownTrigger: 20, levelZeroStopTrigger: 36 };
const healthy = { flush: false, compaction: false };

function optionsWith(changed: Partial<EngineOptions> = {}): EngineOptions {
  return {
    maxMemtableBytes: 1024,
    compression: "none",
    blockBytes: 4096,
    bloomBitsPerKey: 10,
    cacheBytes: 0,
    compactionParallelism: 1,
    maxOpenTables: 10,
    syncIntervalMs: 1,
    targetTableBytes: 4096,
    levelOneTargetBytes: 4096,
    levelZeroCompactionTrigger: 4,
    ...triggers,
    ...changed,
  };
}

function told(sealed: number, depth: number, isFailing = healthy, options = optionsWith()): string {
  const { kind, reason } = stallOf(sealed, depth, isFailing, options);
  return `${kind}: ${reason}`;
}

describe("Writes", () => {
  const cases: [number, number, string][] = [
    [0, 0, "none: none"],
    [1, 19, "none: none"],
    [2, 0, "slow: memtables"],
    [3, 0, "stop: memtables"],
    [4, 0, "stop: memtables"],
    [0, 20, "slow: level-zero"],
    [0, 35, "slow: level-zero"],
    [0, 36, "stop: level-zero"],
    [1, 100, "stop: level-zero"],
    [2, 20, "slow: memtables"],
    [2, 36, "stop: level-zero"],
    [3, 36, "stop: memtables"],
  ];
  for (const [sealed, depth, expected] of cases) {
    it(`meet "${expected}" at ${sealed} sealed memtables and level 0 ${depth} deep`, () => {
      expect(told(sealed, depth)).to.equal(expected);
    });
  }

  it("are stopped by an error where just that work fails which they wait for", () => {
    const flush = { flush: true, compaction: false };
    const compaction = { flush: false, compaction: true };
    expect(told(3, 0, flush)).to.equal("stop: background-error");
    expect(told(3, 0, compaction)).to.equal("stop: memtables");
    expect(told(0, 36, compaction)).to.equal("stop: background-error");
    expect(told(0, 36, flush)).to.equal("stop: level-zero");
  });

  it("go on, slowed or not, while background work fails that they need not wait for yet", () => {
    const both = { flush: true, compaction: true };
    expect(told(0, 0, both)).to.equal("none: none");
    expect(told(2, 0, both)).to.equal("slow: memtables");
    expect(told(0, 20, both)).to.equal("slow: level-zero");
  });

  it("are stopped, not slowed, where both triggers are the same", () => {
    const options = optionsWith({ levelZeroSlowdownTrigger: 8, levelZeroStopTrigger: 8 });
    expect(told(0, 7, healthy, options)).to.equal("none: none");
    expect(told(0, 8, healthy, options)).to.equal("stop: level-zero");
  });
});

describe("The pressure on slowed writes", () => {
  const cases: [string, number, number, number, number][] = [
    ["is none where neither is slow", 1, 0.9, 19, 0],
    ["grows with the memtable that is filled, once it is the last", 2, 0.75, 0, 0.75],
    ["is none at the depth that slows", 0, 0, 20, 0],
    ["grows with the depth from there", 0, 0, 24, 0.25],
    ["is whole at the depth that stops", 0, 0, 36, 1],
    ["never is more", 0, 0, 90, 1],
    ["is no more by a memtable beyond its limit", 3, 1.5, 0, 1],
    ["is that of the depth where this is more", 2, 0.1, 28, 0.5],
    ["is that of the memtable where this is more", 2, 0.6, 28, 0.6],
  ];
  for (const [title, sealed, fill, depth, expected] of cases) {
    it(title, () => {
      expect(pressureOf(sealed, fill, depth, optionsWith())).to.equal(expected);
    });
  }

  it("does not come from the depth where nothing lies between slow and stop", () => {
    const options = optionsWith({ levelZeroSlowdownTrigger: 8, levelZeroStopTrigger: 8 });
    expect(pressureOf(0, 0, 8, options)).to.equal(0);
    expect(pressureOf(2, 0.5, 9, options)).to.equal(0.5);
  });
});
