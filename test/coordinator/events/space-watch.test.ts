import { expect } from "chai";
import { isSpaceLow, type SpaceState, SpaceWatch } from "../../../coordinator/events/space-watch.js";

const mib = 1024 * 1024;

/** A file system whose room and clock the test has in its hands. */
class FakeHost {
  freeBytes = 1000 * mib;
  isFailing = false;
  looks = 0;
  readonly told: SpaceState[] = [];
  readonly delaysMs: number[] = [];
  isCancelled = false;
  #timer: (() => void) | undefined;

  async measure(): Promise<{ freeBytes: number; totalBytes: number }> {
    this.looks += 1;
    if (this.isFailing) {
      throw new Error("EIO");
    }
    return { freeBytes: this.freeBytes, totalBytes: 2000 * mib };
  }

  setTimer(call: () => void, delayMs: number): () => void {
    this.delaysMs.push(delayMs);
    this.#timer = call;
    return () => {
      this.isCancelled = true;
    };
  }

  onChange(state: SpaceState): void {
    this.told.push(state);
  }

  /** The timer is over, and the look that it brings has ended. */
  async nextLook(freeBytes: number): Promise<void> {
    this.freeBytes = freeBytes;
    const timer = this.#timer;
    this.#timer = undefined;
    timer!();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function started(host: FakeHost): Promise<SpaceWatch> {
  const watch = new SpaceWatch(100 * mib, host);
  watch.start();
  await new Promise((resolve) => setImmediate(resolve));
  return watch;
}

describe("The watch over free space", () => {
  for (const [freeMib, wasLow, isLow] of [
    [100, false, false],
    [99, false, true],
    [0, false, true],
    [100, true, true],
    [124, true, true],
    [125, true, false],
  ] as const) {
    it(`finds ${freeMib} MiB ${isLow ? "" : "not "}low where 100 are wanted, ${wasLow ? "while" : "unless"} it was low`, () => {
      expect(isSpaceLow(freeMib * mib, 100 * mib, wasLow)).to.equal(isLow);
    });
  }

  it("tells of each change once, and not of what hovers around the threshold", async () => {
    const host = new FakeHost();
    const watch = await started(host);
    expect(host.told).to.deep.equal([]);
    expect(watch.state).to.deep.equal({ freeBytes: 1000 * mib, totalBytes: 2000 * mib, isLow: false });
    for (const freeMib of [99, 101, 98, 110, 99, 130, 101, 100, 99]) {
      await host.nextLook(freeMib * mib);
    }
    expect(host.told.map(({ freeBytes, isLow }) => [freeBytes / mib, isLow])).to.deep.equal([
      [99, true],
      [130, false],
      [99, true],
    ]);
  });

  it("looks at a bounded rate, one look at a time", async () => {
    const host = new FakeHost();
    await started(host);
    for (let look = 0; look < 5; look++) {
      await host.nextLook(1);
    }
    expect(host.looks).to.equal(6);
    expect(new Set(host.delaysMs)).to.deep.equal(new Set([10_000]));
    expect(host.delaysMs.length).to.equal(6);
  });

  it("keeps what it knew where the space cannot be measured, and goes on looking", async () => {
    const host = new FakeHost();
    const watch = await started(host);
    await host.nextLook(1);
    host.isFailing = true;
    await host.nextLook(1000 * mib);
    expect(watch.state?.isLow).to.equal(true);
    host.isFailing = false;
    await host.nextLook(1000 * mib);
    expect(host.told.map(({ isLow }) => isLow)).to.deep.equal([true, false]);
  });

  it("ends with the database, also in the midst of a look", async () => {
    const host = new FakeHost();
    const watch = await started(host);
    watch.stop();
    expect(host.isCancelled).to.equal(true);

    const late = new FakeHost();
    late.freeBytes = 1;
    const second = new SpaceWatch(100 * mib, late);
    second.start();
    second.stop();
    await new Promise((resolve) => setImmediate(resolve));
    expect(late.told).to.deep.equal([]);
    expect(late.delaysMs).to.deep.equal([]);
  });
});
