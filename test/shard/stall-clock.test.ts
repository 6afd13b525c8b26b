import { expect } from "chai";
import { StallClock } from "../../shard/stall-clock.js";

describe("The clock of stalls", () => {
  it("counts how long writes were slowed and stopped, and says each change once, whoever asks meanwhile", () => {
    let nowMs = 0;
    const clock = new StallClock(() => nowMs);
    const none = { kind: "none", reason: "none" } as const;
    const slow = { kind: "slow", reason: "memtables" } as const;
    const stop = { kind: "stop", reason: "memtables" } as const;
    expect(clock.note(none)).to.equal(false);
    nowMs = 100;
    clock.tick();
    expect(clock.note(slow)).to.equal(true);
    nowMs = 130;
    clock.tick();
    expect([clock.slowMs, clock.stopMs]).to.deep.equal([30, 0]);
    expect(clock.note(slow)).to.equal(false);
    nowMs = 150;
    expect(clock.note(stop)).to.equal(true);
    nowMs = 250;
    expect(clock.note(none)).to.equal(true);
    nowMs = 999;
    clock.tick();
    expect([clock.slowMs, clock.stopMs]).to.deep.equal([50, 100]);
    expect(clock.current).to.deep.equal(none);
  });
});
