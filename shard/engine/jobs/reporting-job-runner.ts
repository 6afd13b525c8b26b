import type { Job, JobResult } from "./job.js";
import type { JobRunner } from "./job-runner.js";

/** A finished job. Durations are in milliseconds and include the wait for a free worker. */
export interface JobReport {
  kind: "flush" | "compaction" | "bulk-load";
  durationMs: number;
  entriesRead: number;
  tables: number;
  writtenBytes: number;
}

/** Passes jobs to another runner and reports each one that succeeds. */
export class ReportingJobRunner implements JobRunner {
  readonly #runner: JobRunner;
  readonly #monotonicMs: () => number;
  readonly #onDone: (report: JobReport) => void;

  constructor(runner: JobRunner, monotonicMs: () => number, onDone: (report: JobReport) => void) {
    this.#runner = runner;
    this.#monotonicMs = monotonicMs;
    this.#onDone = onDone;
  }

  async run(job: Job): Promise<JobResult> {
    const startMs = this.#monotonicMs();
    const result = await this.#runner.run(job);
    const { tables, entriesRead } = result;
    this.#onDone({
      kind: job.output.zeroSequence ? "bulk-load" : job.kind === "flush" ? "flush" : "compaction",
      durationMs: this.#monotonicMs() - startMs,
      entriesRead,
      tables: tables.length,
      writtenBytes: tables.reduce((sum, table) => sum + table.sizeBytes, 0),
    });
    return result;
  }

  close(): Promise<void> {
    return this.#runner.close();
  }
}
