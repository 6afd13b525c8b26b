import { expect } from "chai";
import { Engine } from "../../../../shard/engine/engine.js";
import type { Job } from "../../../../shard/engine/jobs/job.js";
import type { EngineOptions } from "../../../../shard/engine/options.js";
import { OperationSection, operationKind } from "../../../../shared/format/operations.js";
import { InlineJobRunner } from "../../../support/inline-job-runner.js";
import { Random } from "../../../support/random.js";
import { SimulatedFileSystem } from "../../../support/simulated-file-system.js";
import { tinySettings } from "../../../support/simulated-store.js";

const options: EngineOptions = {
  ...tinySettings,
  maxMemtableBytes: 64 * 1024,
  levelZeroCompactionTrigger: 2,
  compression: "none",
  bloomBitsPerKey: 10,
  compactionParallelism: 1,
  maxOpenTables: 64,
  syncIntervalMs: 1,
};
/** After so many jobs the writing ends: a call that waits for that has done far too many. */
const mostJobs = 40;
const fewJobs = 4;

/** An engine that `disturb` may write to during each of its jobs. */
class BusyEngine {
  readonly engine: Engine;
  readonly jobs: Record<Job["kind"], number> = { flush: 0, merge: 0 };
  #sequence = 0;

  constructor(disturb: (busy: BusyEngine, job: Job) => Promise<void>) {
    const disk = new SimulatedFileSystem({ random: new Random(1), folders: ["/shard"] });
    const inline = new InlineJobRunner(disk);
    const fail = (error: unknown): void => {
      throw error;
    };
    this.engine = Engine.open(
      {
        fileSystem: disk,
        folder: "/shard",
        shard: { databaseId: new Uint8Array(16), shardIndex: 0, epoch: 1 },
        jobs: {
          run: async (job) => {
            this.jobs[job.kind] += 1;
            if (this.jobs[job.kind] < mostJobs) {
              await disturb(this, job);
            }
            return inline.run(job);
          },
          close: () => inline.close(),
        },
        setTimer: () => () => undefined,
      },
      options,
      { onSynced: () => undefined, onProgress: () => undefined, onFatal: fail, onBackgroundError: fail },
      {
        create: true,
        logged: {
          cutSequence: Number.MAX_SAFE_INTEGER,
          syncedSequence: Number.MAX_SAFE_INTEGER,
          sequences: new Set(),
        },
      },
    );
    this.engine.resume([], new Set());
  }

  write(): void {
    this.#sequence += 1;
    const section = new OperationSection(64);
    // Always the same key: tables that overlap have to be merged.
    const put = { kind: operationKind.put, tag: 0, expiresAt: 0, logged: false };
    section.append({ ...put, key: Buffer.from("key"), value: Buffer.from(String(this.#sequence)) }, 0);
    const range = { firstSequence: this.#sequence, lastSequence: this.#sequence };
    this.engine.complete(this.engine.accept({ section: section.bytes(), ...range }, 1, true));
  }
}

describe("An engine that is written to without a pause", () => {
  it("ends a flush when all is in tables that was there at the call", async () => {
    const busy = new BusyEngine(async ({ engine }) => {
      busy.write();
      await engine.seal();
    });
    busy.write();
    await busy.engine.flush();
    expect(busy.jobs.flush).to.be.within(1, fewJobs);
    await busy.engine.close({ atOnce: true });
  });

  it("ends a compaction of everything when what was there at the call is compacted", async () => {
    let isEnough = false;
    const addTables = async (): Promise<void> => {
      for (let tables = 0; tables < 3; tables++) {
        busy.write();
        await busy.engine.flush();
      }
    };
    const busy = new BusyEngine(async (_, job) => {
      if (job.kind === "merge" && !isEnough) {
        await addTables();
      }
    });
    await addTables();
    expect(busy.jobs.merge, "one has begun by itself").to.equal(1);
    await busy.engine.compactor.compactAll();
    expect(busy.jobs.merge).to.be.within(2, fewJobs);
    isEnough = true;
    await busy.engine.compactor.idle();
    await busy.engine.close({ atOnce: true });
  });
});
