import { FastKVError } from "../../shared/errors.js";

/**
 * Returns the operating system's error code (such as "ENOENT") of an error or its cause; undefined for other errors.
 */
export function systemErrorCode(error: unknown): string | undefined {
  const cause = error instanceof FastKVError ? error.cause : error;
  if (typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string") {
    return cause.code;
  }
  return undefined;
}
