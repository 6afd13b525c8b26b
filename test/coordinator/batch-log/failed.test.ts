import { expect } from "chai";
import { BatchLog } from "../../../coordinator/batch-log/batch-log.js";
import { rejection } from "../../support/errors.js";
import { Random } from "../../support/random.js";
import { SimulatedFileSystem } from "../../support/simulated-file-system.js";

describe("a batch log that has failed for good", () => {
  it("lets no timer run on, whatever it has written and not synced", async () => {
    const folder = "/d";
    const fileSystem = new SimulatedFileSystem({ random: new Random(1), folders: [folder] });
    const timers = new Set<() => void>();
    const owner = {
      nowMs: () => 1,
      onProgress: () => undefined,
      isDurable: () => false,
      onReadOnly: () => undefined,
      onNoRoom: () => undefined,
      onRoom: () => undefined,
      setTimer: (call: () => void) => {
        timers.add(call);
        return () => timers.delete(call);
      },
    };
    const environment = { fileSystem, folder, databaseId: new Uint8Array(16), epoch: 1 };
    const log = await BatchLog.create(environment, 100, owner, 0, []);
    await log.append({ sequence: 1, parts: [] }, false);
    await new Promise((resolve) => setImmediate(resolve));
    expect(timers, "a timer of what is written and not synced").to.have.lengthOf(1);
    fileSystem.halt();
    expect(await rejection(log.append({ sequence: 2, parts: [] }, false))).to.include({
      code: "FASTKV_READ_ONLY",
      writeOutcome: "in-doubt",
    });
    for (let round = 0; round < 10 && timers.size > 0; round++) {
      const due = [...timers];
      timers.clear();
      for (const call of due) {
        call();
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(timers).to.have.lengthOf(0);
    expect(await rejection(log.append({ sequence: 3, parts: [] }, true))).to.include({
      code: "FASTKV_READ_ONLY",
    });
    expect(timers).to.have.lengthOf(0);
  });
});
