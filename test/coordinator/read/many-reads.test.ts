import { expect } from "chai";
import { Random } from "../../support/random.js";
import { SimulatedFileSystem } from "../../support/simulated-file-system.js";
import { openSimulated, type SteppedClock } from "../../support/simulated-store.js";

/** A millisecond goes by with each look at it, once it runs. */
class HastyClock implements SteppedClock {
  isRunning = false;
  #nowMs = 1_700_000_000_000;

  get nowMs(): number {
    this.#nowMs += this.isRunning ? 1 : 0;
    return this.#nowMs;
  }
}

describe("getMany and hasMany", () => {
  for (const readCacheSize of [0, 1024 * 1024]) {
    it(`ask all shards at one moment what has expired, with a read cache of ${readCacheSize} bytes`, async () => {
      const disk = new SimulatedFileSystem({ random: new Random(5), maxAsyncTurns: 2, folders: ["/data"] });
      const clock = new HastyClock();
      const { db } = await openSimulated(disk, clock, { shards: 3, readCacheSize });
      const keys = Array.from({ length: 30 }, (_, at) => `key-${at}`);
      const counts = new Set<number>();
      for (let lifeMs = 1; lifeMs < 40; lifeMs++) {
        await db.batch(keys.map((key) => ({ type: "put", key, value: 1, ttl: lifeMs })));
        await db.getMany(keys.slice(0, 10));
        clock.isRunning = true;
        const [values, has] = await Promise.all([db.getMany(keys), db.hasMany(keys)]);
        clock.isRunning = false;
        for (const found of [values.filter((value) => value === 1), has.filter((isThere) => isThere)]) {
          expect(found.length, `${lifeMs} ms before`).to.be.oneOf([0, keys.length]);
          counts.add(found.length);
        }
      }
      expect([...counts].sort()).to.deep.equal([0, keys.length]);
      await db.close();
    });
  }
});
