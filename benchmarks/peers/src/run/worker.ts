/**
 * The process in which a group of workloads runs on one store, so that each has a fresh heap and fresh optimisations.
 */

import { peerOf } from "../stores/peers.js";
import { Bench } from "../workloads/bench.js";
import { groupOf } from "../workloads/groups.js";
import type { Job, JobMessage } from "./job.js";

function send(message: JobMessage): void {
  process.send!(message);
}

async function main(job: Job, part: "before" | "run"): Promise<void> {
  const group = groupOf(job.group);
  const bench = new Bench(job, peerOf(job.peer), group.prepared === "ycsb", send);
  await (part === "before" ? group.before!(bench) : group.run(bench));
}

// At the end, and if the runner is gone.
process.once("disconnect", () => process.exit());

process.once("message", ({ job, part }: { job: Job; part: "before" | "run" }) => {
  main(job, part).then(
    () => process.disconnect?.(),
    (error: unknown) => {
      send({
        type: "failed",
        message: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
      process.exitCode = 1;
      process.disconnect?.();
    },
  );
});
