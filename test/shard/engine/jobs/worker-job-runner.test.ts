import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import { expect } from "chai";
import type { MergeJob } from "../../../../shard/engine/jobs/job.js";
import { WorkerJobRunner } from "../../../../shard/engine/jobs/worker-job-runner.js";
import { rejection } from "../../../support/errors.js";
import { useTemporaryFolder } from "../../../support/temporary-folder.js";

describe("Background workers", () => {
  const temporaryFolder = useTemporaryFolder();

  it("that end while they have nothing to do get no further job", async () => {
    const workers: Worker[] = [];
    const note = (worker: Worker): unknown => workers.push(worker);
    process.on("worker", note);
    const runner = new WorkerJobRunner(1);
    try {
      const job = mergeOfNothing(temporaryFolder());
      expect(await rejection(runner.run(job))).to.include({ code: "FASTKV_IO" });
      expect(runner.isBusy).to.equal(false);
      const ended = once(workers[0]!, "exit");
      await workers[0]!.terminate();
      await ended;
      expect(await rejection(runner.run(job))).to.include({ code: "FASTKV_IO" });
      expect(workers).to.have.length(2);
    } finally {
      process.off("worker", note);
      await runner.close();
    }
  });
});

/** Fails, since its input is not there. */
function mergeOfNothing(folder: string): MergeJob {
  return {
    kind: "merge",
    inputs: [{ fileNumber: 1, sequenceOverride: 0, smallest: "a", largest: "b" }],
    survival: { holds: [], rangeDeletes: [], timeMs: 0, retainAll: false, deeper: [] },
    output: {
      folder,
      shard: { databaseId: new Uint8Array(16), shardIndex: 0, epoch: 1 },
      fileNumbers: [2],
      targetTableBytes: 1024,
      writer: {},
      zeroSequence: false,
    },
  };
}
