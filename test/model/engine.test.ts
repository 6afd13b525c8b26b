import { expect } from "chai";
import fc from "fast-check";
import { Random } from "../support/random.js";
import { SimulatedFileSystem } from "../support/simulated-file-system.js";
import { checkProperty } from "./check.js";
import { EngineStore } from "./engine-store.js";
import { ModelRun } from "./model-run.js";
import { operations } from "./operations.js";
import { rounds } from "./rounds.js";

const lists = fc.array(operations, { minLength: 30, maxLength: 80, size: "max" });

describe("a bare engine against a sorted map", () => {
  it("answers alike through flushes, compactions, loads and restarts", async () => {
    let compactions = 0;
    await checkProperty(lists, 10 * rounds, async (list) => {
      const disk = new SimulatedFileSystem({ random: new Random(1), maxAsyncTurns: 3, folders: ["/shard"] });
      const store = await EngineStore.open(disk);
      await new ModelRun(store).run(list);
      await store.close();
      compactions += store.compactions;
    });
    expect(compactions, "compactions").to.be.above(0);
  });
});
