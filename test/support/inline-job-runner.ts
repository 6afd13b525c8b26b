import { type Job, type JobResult, runJob } from "../../shard/engine/jobs/job.js";
import type { JobRunner } from "../../shard/engine/jobs/job-runner.js";
import type { FileSystem } from "../../shared/storage/file-system.js";

/** Does jobs in the calling thread: for tests on a simulated disk. */
export class InlineJobRunner implements JobRunner {
  readonly #fileSystem: FileSystem;

  constructor(fileSystem: FileSystem) {
    this.#fileSystem = fileSystem;
  }

  async run(job: Job): Promise<JobResult> {
    await Promise.resolve();
    return runJob(this.#fileSystem, job);
  }

  async close(): Promise<void> {}
}
