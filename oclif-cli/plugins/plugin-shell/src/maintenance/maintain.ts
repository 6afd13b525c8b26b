/** What `verify` and `repair` share: Ctrl-C, the progress bar, and failures that mean "it cannot be examined". */

import type { MaintenanceOptions } from "fastkv";
import { CommandFailure, describeError, exitCode } from "fastkv-cli/kit/failure";
import { interruptible } from "fastkv-cli/kit/interrupt";
import { startProgress } from "fastkv-cli/kit/progress";

/** @throws CommandFailure with exit code 2 */
export async function maintain<T>(
  label: string,
  work: (options: MaintenanceOptions) => Promise<T>,
): Promise<T> {
  return interruptible(async (signal) => {
    const progress = await startProgress(label);
    try {
      return await work({
        signal,
        onProgress: ({ doneBytes, totalBytes }) => progress.update(doneBytes, totalBytes),
      });
    } catch (error) {
      throw new CommandFailure(describeError(error), { exitCode: exitCode.unusable, cause: error });
    } finally {
      progress.stop();
    }
  });
}
