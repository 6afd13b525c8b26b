/** Ctrl-C and SIGTERM for one-shot commands: stop the work, close the database, then leave. */

import { performance } from "node:perf_hooks";
import { Interrupted, printError } from "./failure.js";

const exitCodeOf = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
/**
 * Two signals less than this apart count as one request: `timeout` and `npm` send to the process the signal that its
 * group gets as well.
 */
const repeatMs = 1000;

/**
 * Runs `work` with a signal that SIGINT, SIGTERM and SIGHUP abort. Anything that has to be closed must be closed within
 * `work`: after a SIGHUP the process ends when `work` ends.
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
        // Second request: leave now. Acknowledged writes are safe, and the shards leave by themselves.
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
    // The user knows that the work was aborted, but not that its writes may be lost.
    if ((error as { writeOutcome?: string }).writeOutcome === "in-doubt") {
      printError(error);
    }
    throw new Interrupted(code);
  } finally {
    for (const name of names) {
      process.off(name, stop);
    }
    if (code === exitCodeOf.SIGHUP) {
      // If the process ended normally, Node would switch the terminal back, and abort if the terminal is gone.
      process.kill(process.pid, "SIGHUP");
    }
  }
}
