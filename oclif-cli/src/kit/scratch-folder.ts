/** A temporary folder for databases that are removed afterwards, for the self-test and the benchmark. */

import { mkdir, mkdtemp, rm, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { CommandFailure, describeError, exitCode } from "./failure.js";

/**
 * Runs `work` with a new folder in `parent`, which is created if it does not exist; if no parent is given, in the
 * system's temporary folder. What was created is removed when the work ends, however it ends.
 *
 * @throws CommandFailure with exit code 2 if the folder cannot be made
 */
export async function withScratchFolder<T>(
  parent: string | undefined,
  prefix: string,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const { folder, firstMade } = await makeFolder(parent ?? tmpdir(), prefix);
  try {
    return await work(folder);
  } finally {
    // A shard whose program was killed notices that a moment later, and may write until then.
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    if (firstMade !== undefined) {
      await removeEmpty(resolve(dirname(folder)), resolve(firstMade));
    }
  }
}

/** Removes `folder` and those above it up to `last`, as long as they are empty. */
async function removeEmpty(folder: string, last: string): Promise<void> {
  const isRemoved = await rmdir(folder).then(
    () => true,
    () => false,
  );
  if (isRemoved && folder !== last) {
    await removeEmpty(dirname(folder), last);
  }
}

/** `firstMade`: the topmost folder on the path that did not exist before. */
async function makeFolder(
  parent: string,
  prefix: string,
): Promise<{ folder: string; firstMade: string | undefined }> {
  try {
    const firstMade = await mkdir(parent, { recursive: true });
    return { folder: await mkdtemp(join(parent, prefix)), firstMade };
  } catch (error) {
    throw new CommandFailure(
      `Cannot make temporary databases in ${parent}: ${describeError(error)}. Choose a folder with --path`,
      { exitCode: exitCode.unusable, cause: error },
    );
  }
}
