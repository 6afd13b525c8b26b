/** Ctrl-C and SIGTERM for one-shot commands: stop the work, close the database, then leave. */

import { performance } from "node:perf_hooks";
import { Interrupted, printError } from "./failure.js";

const exitCodeOf = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
/** Less far apart, two signals are one request: `timeout` and `npm` send to the process what its group gets as well. */
const repeatMs = 1000;

/**
 * Runs `work` with a signal that SIGINT, SIGTERM and SIGHUP abort. What has to be closed belongs into `work`: after a
 * SIGHUP the process ends with it.
 *
 * @throws Interrupted once `work` has ended
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let code: number | undefined;
  let askedMs = 0;
  const stop = (name: NodeJS.Signals): void => {
    if (code !== undefined) {
      if (name !== "SIGHUP" && performance.now() - askedMs >= repeatMs) {
        // Asked twice: leave now. What was acknowledged is safe, and the shards leave by themselves.
        process.exit(code);
      }
      return;
    }
    askedMs = performance.now();
    code = exitCodeOf[name as keyof typeof exitCodeOf];
    controller.abort(new Interrupted(code));
  };
  const names = Object.keys(exitCodeOf) as (keyof typeof exitCodeOf)[];
  for (const name of names) {
    process.on(name, stop);
  }
  try {
    const result = await work(controller.signal);
    if (code !== undefined) {
      throw new Interrupted(code);
    }
    return result;
  } catch (error) {
    if (code === undefined) {
      throw error;
    }
    // That the work was aborted is known; that its writes may be lost is not.
    if ((error as { writeOutcome?: string }).writeOutcome === "in-doubt") {
      printError(error);
    }
    throw new Interrupted(code);
  } finally {
    for (const name of names) {
      process.off(name, stop);
    }
    if (code === exitCodeOf.SIGHUP) {
      // Leaving by ourselves, Node would switch the terminal back, and abort where that is gone.
      process.kill(process.pid, "SIGHUP");
    }
  }
}
