/** Failures of the source itself: it cannot be read, so nothing was loaded. Exit code 2. */

import { CommandFailure, describeError, exitCode } from "fastkv-cli/kit/failure";

export function unusableSource(message: string, cause?: unknown): CommandFailure {
  return new CommandFailure(message, { exitCode: exitCode.unusable, cause });
}

/** Converts an error of a peer's package: its message, and those of its causes. */
export function sourceError(path: string, error: unknown): CommandFailure {
  if (error instanceof CommandFailure) {
    return error;
  }
  const texts = [describeError(error)];
  for (let cause = causeOf(error); cause !== undefined; cause = causeOf(cause)) {
    texts.push(describeError(cause));
  }
  return unusableSource(`Cannot read ${path}: ${texts.join(": ")}`, error);
}

function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? error.cause : undefined;
}

export function changedSource(path: string): CommandFailure {
  return unusableSource(
    `${path} changed while it was read. Stop the program that writes to it, then import again; nothing was loaded`,
  );
}
