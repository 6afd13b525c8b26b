import { expect } from "chai";
import type { FastKVEvents } from "../../../coordinator/index.js";
import { InProcessLauncher } from "../../support/in-process-launcher.js";
import { Random } from "../../support/random.js";
import { SimulatedFileSystem } from "../../support/simulated-file-system.js";
import { openSimulated, SteppedClock, tinySettings } from "../../support/simulated-store.js";
import { RecordingLogger } from "./recording-logger.js";

describe("A stall", () => {
  it("is told with its kind and its cause, and so is its end", async () => {
    const disk = new SimulatedFileSystem({ random: new Random(1), folders: ["/data"] });
    const settings = { ...tinySettings, levelZeroSlowdownTrigger: 2, levelZeroStopTrigger: 3 };
    const logger = new RecordingLogger();
    const { db } = await openSimulated(
      disk,
      new SteppedClock(),
      { shards: 1, maxMemtableSize: 65_536, logger },
      new InProcessLauncher(disk, { settings }),
    );
    const told: FastKVEvents["stall"][0][] = [];
    db.on("stall", (stall) => told.push(stall));
    for (let round = 0; round < 40; round++) {
      await db.put(`key-${round % 7}`, "x".repeat(20_000));
    }
    await db.compact();
    await db.close();
    const started = told.find(({ kind }) => kind !== "none");
    expect(started).to.include({ shard: 0 });
    expect(started!.reason).to.be.a("string").and.not.equal("");
    expect(told.at(-1)!.kind).to.equal("none");
    expect(logger.of("stall").map(({ fields }) => fields.kind)).to.deep.equal(told.map(({ kind }) => kind));
  });
});
