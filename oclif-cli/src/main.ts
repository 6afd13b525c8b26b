/** Called by `bin/run.js`: passes the arguments to oclif and turns any failure into one line and an exit code. */

import { fileURLToPath } from "node:url";
import { run, settings } from "@oclif/core";
import { CommandFailure, describeError, exitCode, reportFailure } from "./kit/failure.js";
import { isOclifError, leaveWithUsageError } from "./usage-error.js";

export async function main(argv: string[]): Promise<void> {
  let outputFailed = false;
  // oclif's own listener throws, and nothing could catch that: a full disk would end in a stack trace.
  process.stdout.removeAllListeners("error");
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // `fastkv scan | head -1` closes our output early: that is not a failure. Writers notice it by themselves.
    if (error.code !== "EPIPE" && !outputFailed) {
      outputFailed = true;
      process.exitCode = reportFailure(cannotWrite(error));
    }
  });
  // If stderr is gone, there is nowhere left to report that.
  process.stderr.on("error", () => {});
  // Plugins run as they were built: none is compiled at run time.
  settings.enableAutoTranspile = false;
  const program = fileURLToPath(import.meta.url);
  try {
    await run(argv, program);
  } catch (error) {
    if (isOclifError(error)) {
      await leaveWithUsageError(error, argv, program);
    } else {
      process.exitCode = reportFailure(error);
    }
  }
  if (outputFailed) {
    process.exitCode ||= exitCode.failed;
  }
}

function cannotWrite(error: Error): CommandFailure {
  return new CommandFailure(`Cannot write the output: ${describeError(error)}`, { cause: error });
}
