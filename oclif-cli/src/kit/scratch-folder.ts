/** A temporary folder for databases that are removed again, for the self-test and the benchmark. */

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommandFailure, describeError, exitCode } from "./failure.js";

/**
 * Runs `work` with a new folder in `parent`, which is made if it is not there; in the system's temporary folder if none
 * is given. The new folder goes when the work ends, however it ends.
 *
 * @throws CommandFailure with exit code 2 if the folder cannot be made
 */
export async function withScratchFolder<T>(
  parent: string | undefined,
  prefix: string,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await makeFolder(parent ?? tmpdir(), prefix);
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeFolder(parent: string, prefix: string): Promise<string> {
  try {
    await mkdir(parent, { recursive: true });
    return await mkdtemp(join(parent, prefix));
  } catch (error) {
    throw new CommandFailure(
      `Cannot make temporary databases in ${parent}: ${describeError(error)}. Choose a folder with --path`,
      { exitCode: exitCode.unusable, cause: error },
    );
  }
}
