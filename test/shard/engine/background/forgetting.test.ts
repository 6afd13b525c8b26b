import { expect } from "chai";
import { Engine } from "../../../../shard/engine/engine.js";
import type { EngineOptions } from "../../../../shard/engine/options.js";
import { type Operation, OperationSection, operationKind } from "../../../../shared/format/operations.js";
import { InlineJobRunner } from "../../../support/inline-job-runner.js";
import { Random } from "../../../support/random.js";
import { SimulatedFileSystem } from "../../../support/simulated-file-system.js";
import { tinySettings } from "../../../support/simulated-store.js";

const options: EngineOptions = {
  ...tinySettings,
  maxMemtableBytes: 64 * 1024,
  compression: "none",
  bloomBitsPerKey: 10,
  compactionParallelism: 1,
  maxOpenTables: 64,
  syncIntervalMs: 1,
};

function operation(kind: Operation["kind"], key: string, value: string): Operation {
  return { kind, tag: 0, expiresAt: 0, logged: false, key: Buffer.from(key), value: Buffer.from(value) };
}

describe("A range delete that cannot be forgotten for a moment", () => {
  it("is forgotten when it can, and its error with it: it must not refuse writes later", async () => {
    const disk = new SimulatedFileSystem({ random: new Random(1), folders: ["/shard"] });
    const inline = new InlineJobRunner(disk);
    const errors: unknown[] = [];
    const timers: (() => void)[] = [];
    let isHeld = false;
    const engine = Engine.open(
      {
        fileSystem: disk,
        folder: "/shard",
        shard: { databaseId: new Uint8Array(16), shardIndex: 0, epoch: 1 },
        jobs: {
          // A merge that takes its time: level 0 reaches the depth at which writes stop.
          run: (job) => (isHeld && job.kind === "merge" ? new Promise(() => undefined) : inline.run(job)),
          close: () => inline.close(),
        },
        setTimer: (call) => {
          timers.push(call);
          return () => undefined;
        },
      },
      options,
      {
        onSynced: () => undefined,
        onProgress: () => undefined,
        onFatal: (error) => errors.push(error),
        onBackgroundError: (error) => errors.push(error),
      },
      { create: true, logged: { cutSequence: 0, syncedSequence: 0, sequences: new Set() } },
    );
    await engine.resume([], new Set());
    let sequence = 0;
    const write = (operations: Operation[]): void => {
      sequence += 1;
      const section = new OperationSection(1024);
      for (const one of operations) {
        section.append(one, 0);
      }
      const range = { firstSequence: sequence, lastSequence: sequence };
      const accepted = engine.accept({ section: section.bytes(), ...range }, 1, true);
      expect(accepted.refusal).to.equal(undefined);
      engine.complete(accepted);
    };
    const settled = async (): Promise<void> => {
      for (let turns = 0; turns < 100; turns++) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    };

    write(Array.from({ length: 500 }, (_, at) => operation(operationKind.put, `key-${at}`, "v")));
    await engine.flush();
    write([operation(operationKind.deleteRange, "key", "kez")]);
    // The edit that forgets it is the first that has no tables left to write about.
    disk.onMutation = ({ path, operation: call }) => {
      const isForgetting =
        engine.tree.version.levels.flat().length === 0 && engine.tree.rangeDeletes.length === 1;
      if (isForgetting && call === "write" && path.includes("MANIFEST")) {
        disk.onMutation = undefined;
        disk.failNext({ operation: "write", path: /MANIFEST/ }, "ENOSPC");
      }
    };
    await engine.flush();
    await settled();
    expect(errors).to.have.length(1);
    expect(engine.tree.rangeDeletes).to.have.length(1);
    timers.splice(0).forEach((call) => {
      call();
    });
    await settled();
    expect(engine.tree.rangeDeletes).to.deep.equal([]);

    isHeld = true;
    while (engine.stall.kind !== "stop") {
      write([operation(operationKind.put, "key", "v")]);
      await engine.flush();
    }
    expect(engine.stall).to.deep.equal({ kind: "stop", reason: "level-zero" });
  });
});
