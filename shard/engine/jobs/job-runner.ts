import type { Job, JobResult } from "./job.js";

export interface JobRunner {
  run(job: Job): Promise<JobResult>;
  close(): Promise<void>;
}
