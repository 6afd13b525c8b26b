import { writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { MaintenanceProcess } from "../../../coordinator/maintenance/maintenance-process.js";
import type { ShardTask } from "../../../shared/maintenance/messages.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

const task: ShardTask = {
  action: "verify",
  folder: "/nowhere",
  databaseId: Buffer.alloc(16),
  shardIndex: 3,
  shards: 4,
  epoch: 1,
  logged: { isWhole: true, cutSequence: 0, sequences: [], parts: [] },
};

describe("A maintenance process", () => {
  const folder = useTemporaryFolder();

  function start(text: string): MaintenanceProcess {
    const module = path.join(folder(), "maintenance.mjs");
    writeFileSync(module, text);
    return new MaintenanceProcess({
      module: pathToFileURL(module),
      execPath: process.execPath,
      execArgv: [],
    });
  }

  it("is done when it has said so, also where the news of its exit come first", async () => {
    // What it says comes from a process of its own that outlives it: so it is the later of the two for sure.
    const says = `
      const { serialize } = require("node:v8");
      const message = serialize({ type: "examined", examination: "all of it" });
      const length = Buffer.alloc(4);
      length.writeUInt32BE(message.length);
      const parent = Number(process.argv[1]);
      setInterval(() => {
        if (process.ppid !== parent) {
          require("node:fs").writeSync(3, Buffer.concat([length, message]));
          process.exit();
        }
      }, 50);`;
    const maintenance = start(`
      import { spawn } from "node:child_process";
      process.once("message", () => {
        const stdio = ["ignore", "ignore", "ignore", 3];
        spawn(process.execPath, ["-e", ${JSON.stringify(says)}, String(process.pid)], { stdio, detached: true })
          .once("spawn", () => process.exit());
      });`);
    expect(await maintenance.perform(task, () => undefined)).to.deep.equal({
      type: "examined",
      examination: "all of it",
    });
    await maintenance.kill();
  });

  it("says how it ended where it did not get so far", async () => {
    const maintenance = start("process.once('message', () => process.exit(9));");
    const error = (await maintenance
      .perform(task, () => undefined)
      .catch((reason: unknown) => reason)) as Error;
    expect(error).to.have.property("code", "FASTKV_SHARD_UNAVAILABLE");
    expect(error.message).to.equal(
      "The process that worked on shard 3 exited with code 9 before it was done",
    );
    await maintenance.kill();
  });
});
