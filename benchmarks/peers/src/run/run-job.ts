import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Measurement } from "../measure/measurement.js";
import { residentBytes } from "../measure/processes.js";
import { peerOf } from "../stores/peers.js";
import type { Job, JobMessage } from "./job.js";

const worker = fileURLToPath(new URL("./worker.js", import.meta.url));
const memoryEveryMs = 100;

/**
 * Runs a group of workloads in a separate process and samples the memory of all processes that take part.
 *
 * @throws Error if the process failed or did not end normally.
 */
export async function runJob(
  job: Job,
  onResult: (workload: string, measurement: Measurement) => void,
): Promise<void> {
  let pids: number[] = [];
  let peakBytes = 0;
  let failure: string | undefined;
  const sample = (): void => {
    peakBytes = Math.max(
      peakBytes,
      pids.reduce((sum, pid) => sum + residentBytes(pid), 0),
    );
  };
  const timer = setInterval(sample, memoryEveryMs);
  const { heapMiB } = peerOf(job.peer);
  const child = fork(worker, {
    execArgv: heapMiB === undefined ? process.execArgv : [`--max-old-space-size=${heapMiB}`],
  });
  child.on("message", (message: JobMessage) => {
    switch (message.type) {
      case "processes":
        pids = message.pids;
        break;
      case "begin":
        peakBytes = 0;
        break;
      case "result": {
        sample();
        const { measurement } = message;
        onResult(message.workload, {
          ...measurement,
          figures: { ...measurement.figures, peakResidentBytes: peakBytes },
        });
        break;
      }
      case "failed":
        failure = message.message;
        break;
    }
  });
  child.send({ job, part: "run" });
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  clearInterval(timer);
  if (failure !== undefined || code !== 0) {
    throw new Error(failure ?? `the process ended with ${signal ?? code}`);
  }
}

/** Runs the part before a group, which ends by killing itself. */
export async function runBefore(job: Job): Promise<void> {
  let failure: string | undefined;
  const child = fork(worker);
  child.on("message", (message: JobMessage) => {
    if (message.type === "failed") {
      failure = message.message;
    }
  });
  child.send({ job, part: "before" });
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  if (signal !== "SIGKILL") {
    throw new Error(failure ?? `the process ended with ${signal ?? code}, and should have been killed`);
  }
}
