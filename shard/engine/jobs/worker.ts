/** The entry of a worker thread: does one job after the other. */

import { parentPort } from "node:worker_threads";
import { invariant, toErrorReport } from "../../../shared/errors.js";
import { NodeFileSystem } from "../../../shared/storage/node-file-system.js";
import { type Job, runJob } from "./job.js";
import type { WorkerAnswer } from "./worker-job-runner.js";

const port = parentPort;
invariant(port !== null, "this module runs in a worker thread");
const fileSystem = new NodeFileSystem();

port.on("message", (job: Job) => {
  let answer: WorkerAnswer;
  try {
    answer = { result: runJob(fileSystem, job) };
  } catch (error) {
    answer = { error: toErrorReport(error) };
  }
  port.postMessage(answer);
});
