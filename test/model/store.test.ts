import { expect } from "chai";
import fc from "fast-check";
import { Random } from "../support/random.js";
import { SimulatedFileSystem } from "../support/simulated-file-system.js";
import { checkProperty } from "./check.js";
import { ModelRun } from "./model-run.js";
import { operations } from "./operations.js";
import { rounds } from "./rounds.js";
import { ShardedStore } from "./sharded-store.js";

const lists = fc.array(operations, { minLength: 20, maxLength: 60, size: "max" });

describe("the sharded store against a sorted map", () => {
  for (const shards of [1, 2, 5]) {
    it(`answers alike with ${shards} shard${shards === 1 ? "" : "s"}`, async () => {
      let compactions = 0;
      await checkProperty(lists, 8 * rounds, async (list) => {
        const disk = new SimulatedFileSystem({ random: new Random(1), maxAsyncTurns: 3, folders: ["/data"] });
        // A cache that is always full, and one with room for everything.
        const readCacheSize = list.length % 2 === 0 ? 20_000 : 1_000_000;
        const store = await ShardedStore.open(disk, { shards, readCacheSize });
        await new ModelRun(store).run(list);
        await store.close();
        compactions += store.compactions;
      });
      expect(compactions, "compactions").to.be.above(0);
    });
  }
});
