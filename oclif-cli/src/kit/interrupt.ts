/** Ctrl-C and SIGTERM for one-shot commands: stop the work, close the database, then leave. */

import { Interrupted } from "./failure.js";

const exitCodeOf = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Runs `work` with a signal that SIGINT, SIGTERM and SIGHUP abort. @throws Interrupted once `work` has ended */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let code: number | undefined;
  const stop = (name: NodeJS.Signals): void => {
    if (code !== undefined) {
      // Asked twice: leave now. What was acknowledged is safe, and the shards leave by themselves.
      process.exit(code);
    }
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
    throw code === undefined ? error : new Interrupted(code);
  } finally {
    for (const name of names) {
      process.off(name, stop);
    }
  }
}
