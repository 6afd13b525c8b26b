/** What `bin/run.js` runs: hands the arguments to oclif and turns any failure into one line and an exit code. */

import { fileURLToPath } from "node:url";
import { handle, run, settings } from "@oclif/core";
import { reportFailure } from "./kit/failure.js";

export async function main(argv: string[]): Promise<void> {
  process.stdout.on("error", ignoreClosedPipe);
  process.stderr.on("error", ignoreClosedPipe);
  // Plugins run as they were built: none is compiled on the fly.
  settings.enableAutoTranspile = false;
  try {
    await run(argv, fileURLToPath(import.meta.url));
  } catch (error) {
    if (isOclifError(error)) {
      await handle(error);
    } else {
      process.exitCode = reportFailure(error);
    }
  }
}

/** `fastkv scan | head -1` closes our output early: that is no failure. Writers notice it by themselves. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") {
    throw error;
  }
}

/** Errors in the arguments, "command not found" and the like: oclif prints them best, with the usage. */
function isOclifError(error: unknown): error is Error & { oclif: object } {
  return error instanceof Error && "oclif" in error;
}
