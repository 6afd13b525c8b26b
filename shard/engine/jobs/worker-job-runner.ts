import { Worker } from "node:worker_threads";
import type PQueue from "p-queue";
import { type ErrorReport, FastKVError, fromErrorReport } from "../../../shared/errors.js";
import type { Job, JobResult } from "./job.js";
import type { JobRunner } from "./job-runner.js";

export type WorkerAnswer = { result: JobResult } | { error: ErrorReport };

/**
 * Runs jobs in worker threads, so that the shard's mailbox never waits for them. Flushes have a worker of their own,
 * because they must not queue after a long compaction. Workers start when they are first needed and stay.
 */
export class WorkerJobRunner implements JobRunner {
  readonly #compactionParallelism: number;
  /** Created with the first job, so that a shard that has nothing to flush starts faster. */
  #queues: Promise<{ flushes: PQueue; merges: PQueue }> | undefined;
  readonly #idle: Worker[] = [];
  readonly #all = new Set<Worker>();
  #isClosed = false;

  constructor(compactionParallelism: number) {
    this.#compactionParallelism = compactionParallelism;
  }

  get isBusy(): boolean {
    return this.#all.size > this.#idle.length;
  }

  async run(job: Job): Promise<JobResult> {
    this.#queues ??= this.#makeQueues();
    const { flushes, merges } = await this.#queues;
    return (job.kind === "flush" ? flushes : merges).add(() => this.#runInWorker(job));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#all].map((worker) => worker.terminate()));
  }

  async #makeQueues(): Promise<{ flushes: PQueue; merges: PQueue }> {
    const { default: Queue } = await import("p-queue");
    return {
      flushes: new Queue({ concurrency: 1 }),
      merges: new Queue({ concurrency: this.#compactionParallelism }),
    };
  }

  #runInWorker(job: Job): Promise<JobResult> {
    if (this.#isClosed) {
      return Promise.reject(new FastKVError("FASTKV_CLOSED", "The shard is closing"));
    }
    const worker = this.#idle.pop() ?? this.#startWorker();
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        worker.off("message", onAnswer);
        worker.off("error", onError);
        worker.off("exit", onExit);
      };
      const onAnswer = (answer: WorkerAnswer): void => {
        settle();
        this.#idle.push(worker);
        if ("result" in answer) {
          resolve(answer.result);
        } else {
          reject(fromErrorReport(answer.error));
        }
      };
      const onError = (cause: Error): void => {
        settle();
        reject(new FastKVError("FASTKV_INTERNAL", `A background worker failed: ${cause.message}`, { cause }));
      };
      const onExit = (): void => {
        settle();
        reject(new FastKVError("FASTKV_CLOSED", "A background worker ended before its job was done"));
      };
      worker.on("message", onAnswer);
      worker.on("error", onError);
      worker.on("exit", onExit);
      worker.postMessage(job);
    });
  }

  #startWorker(): Worker {
    const worker = new Worker(new URL("./worker.js", import.meta.url), {
      // The parent's flags and loaders are meant for the shard, not for the worker.
      execArgv: [],
      stdin: false,
    });
    this.#all.add(worker);
    // Whatever the worker was doing, it gets no further job.
    const forget = (): void => this.#forget(worker);
    worker.on("error", forget);
    worker.on("exit", forget);
    return worker;
  }

  #forget(worker: Worker): void {
    this.#all.delete(worker);
    const place = this.#idle.indexOf(worker);
    if (place !== -1) {
      this.#idle.splice(place, 1);
    }
  }
}
