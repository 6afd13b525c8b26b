import { availableParallelism } from "node:os";
import type { ShardTask } from "../../shared/maintenance/messages.js";
import { abortError } from "../calls/abort.js";
import type { Ownership } from "../ownership/ownership.js";
import { type FinalReply, MaintenanceProcess, type MaintenanceProgram } from "./maintenance-process.js";

export interface TaskEnvironment {
  program: MaintenanceProgram;
  ownership: Ownership;
  onRead(bytes: number): void;
  signal: AbortSignal | undefined;
}

/**
 * Performs one task for each shard, each in its own process, with a few at a time. Returns the replies in the order of
 * the tasks. When it returns or throws, none of the processes is running.
 */
export async function performTasks(
  tasks: readonly ShardTask[],
  environment: TaskEnvironment,
): Promise<FinalReply[]> {
  const { ownership } = environment;
  const running = new Set<MaintenanceProcess>();
  // After a crash of this process, the next owner kills these processes first: they may be writing.
  const record = (): void => {
    const identities = [...running].map((one) => one.identity).filter((one) => one !== undefined);
    ownership.recordShards(identities, null);
  };
  const replies: FinalReply[] = [];
  let next = 0;
  let isStopped = false;
  const work = async (): Promise<void> => {
    while (next < tasks.length && !isStopped) {
      const at = next;
      next += 1;
      const one = new MaintenanceProcess(environment.program);
      running.add(one);
      try {
        record();
        replies[at] = await one.perform(tasks[at]!, environment.onRead);
      } finally {
        await one.kill();
        running.delete(one);
      }
    }
  };
  const stop = (): void => {
    isStopped = true;
    for (const one of running) {
      void one.kill();
    }
  };
  environment.signal?.addEventListener("abort", stop);
  try {
    checkAborted(environment.signal);
    const workers = Array.from({ length: Math.min(tasks.length, availableParallelism()) }, () =>
      work().catch((error: unknown) => {
        stop();
        throw error;
      }),
    );
    const results = await Promise.allSettled(workers);
    checkAborted(environment.signal);
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) {
      throw failed.reason;
    }
    return replies;
  } finally {
    environment.signal?.removeEventListener("abort", stop);
    try {
      record();
    } catch {
      // The processes that stay recorded have ended, which the next owner sees.
    }
  }
}

function checkAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw abortError(signal);
  }
}
