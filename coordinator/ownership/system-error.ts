import { FastKVError } from "../../shared/errors.js";

/** The operating system's name for what failed ("ENOENT"), dug out of the error's causes; undefined for others. */
export function systemErrorCode(error: unknown): string | undefined {
  const cause = error instanceof FastKVError ? error.cause : error;
  if (typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string") {
    return cause.code;
  }
  return undefined;
}
