import { expect } from "chai";
import { WritePace } from "../../shard/write-pace.js";

describe("The pace of writes that are slowed", () => {
  let nowMs = 1000;
  let pace = new WritePace(() => nowMs);

  beforeEach(() => {
    nowMs = 1000;
    pace = new WritePace(() => nowMs);
  });

  /** Bytes per ms that go through in a second of frames of so many bytes, timers that come late included. */
  function rateOf(frameBytes: number, pressure: number, lateMs = 0): number {
    const end = nowMs + 1000;
    let bytes = 0;
    while (nowMs < end) {
      const delayMs = pace.delayOf(frameBytes, pressure);
      nowMs += delayMs === 0 ? 0 : delayMs + lateMs;
      bytes += frameBytes;
    }
    return bytes / 1000;
  }

  it("is one of bytes, whatever the frames are", () => {
    for (const frameBytes of [200, 7000, 100_000]) {
      expect(rateOf(frameBytes, 0) / 1024, `${frameBytes}`).to.be.within(30, 34);
      expect(rateOf(frameBytes, 0, 1.5) / 1024, `${frameBytes}, late`).to.be.within(28, 34);
    }
  });

  it("falls the nearer a stop is, and never to nothing", () => {
    const rates = [0, 0.5, 0.9, 0.99, 1].map((pressure) => rateOf(7000, pressure) / 1024);
    expect(rates[1]).to.be.within(15, 17);
    expect(rates[2]).to.be.within(2.5, 4);
    expect(rates[3]).to.be.within(0.3, 0.6);
    expect(rates[4]).to.be.within(0.3, 0.6);
  });

  it("lets small frames through together instead of each behind a timer", () => {
    const delays = Array.from({ length: 600 }, () => pace.delayOf(200, 0));
    expect(delays.filter((delayMs) => delayMs > 0)).to.have.length(0);
    expect(Array.from({ length: 100 }, () => pace.delayOf(200, 0)).some((delayMs) => delayMs >= 2)).to.equal(
      true,
    );
  });

  it("holds nothing up for longer than 20 ms at a time, and forgets what it did not count", () => {
    expect(pace.delayOf(100_000_000, 0.9)).to.equal(20);
    expect(pace.delayOf(100_000_000, 0.9)).to.equal(20);
    nowMs += 20;
    expect(pace.delayOf(200, 0)).to.equal(0);
  });

  it("does not give back what was not used", () => {
    nowMs += 10_000;
    expect(pace.delayOf(256 * 1024, 0)).to.be.closeTo(8 - 2, 1e-9);
  });
});
