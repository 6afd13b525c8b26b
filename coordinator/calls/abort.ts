/** Support for calls that an AbortSignal can end. */

import { FastKVError, type WriteOutcome } from "../../shared/errors.js";
import { invalidOption } from "./options.js";

export function checkSignal(signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalidOption("Option signal must be an AbortSignal");
  }
}

/** `writeOutcome` is "none" for a read and "not-applied" for a write. */
export function abortError(signal: AbortSignal, writeOutcome: WriteOutcome = "none"): FastKVError {
  return new FastKVError("FASTKV_ABORTED", "The call was aborted", { cause: signal.reason, writeOutcome });
}
