/** The entry point of a worker thread: does one job after the other. */

import { parentPort } from "node:worker_threads";
import { invariant, toErrorReport } from "../../../shared/errors.js";
import { NodeFileSystem } from "../../../shared/storage/node-file-system.js";
import { lowerThreadPriority } from "../../../shared/storage/thread-priority.js";
import { type Job, runJob } from "./job.js";
import type { WorkerAnswer } from "./worker-job-runner.js";

/**
 * Background work yields to the thread that serves calls, but still gets a third of that thread's share of CPU time.
 */
const niceness = 5;
const port = parentPort;
invariant(port !== null, "this module runs in a worker thread");
const fileSystem = new NodeFileSystem();
lowerThreadPriority(niceness);

port.on("message", (job: Job) => {
  let answer: WorkerAnswer;
  try {
    answer = { result: runJob(fileSystem, job) };
  } catch (error) {
    answer = { error: toErrorReport(error) };
  }
  port.postMessage(answer);
});
