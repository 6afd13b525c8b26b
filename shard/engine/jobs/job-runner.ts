import type { FileSystem } from "../../../shared/storage/file-system.js";
import { type Job, type JobResult, runJob } from "./job.js";

export interface JobRunner {
  run(job: Job): Promise<JobResult>;
  close(): Promise<void>;
}

/** Does jobs in the calling thread: for tests on a simulated disk, and for tools. */
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
