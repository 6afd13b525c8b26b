/** What calls give that are refused before anything was done. */

import { FastKVError, restated } from "../shared/errors.js";
import { endOfProgram } from "./signals.js";

/** Of a write: whatever refused it, nothing of it was applied. */
export function refusedWrite(error: unknown): Promise<never> {
  return refused(notApplied(error));
}

/** What refused a part of a write, before anything of the whole was done. */
export function notApplied(error: unknown): unknown {
  const isPlain = error instanceof FastKVError && error.writeOutcome === "none";
  return isPlain ? restated(error, { writeOutcome: "not-applied" }) : error;
}

/** The same, of one of many things that were given: says which. */
export function refusedOf(what: string, error: unknown): unknown {
  return error instanceof FastKVError ? restated(error, { message: `${what}: ${error.message}` }) : error;
}

/** Of a read: there was nothing to apply. */
export function refusedRead(error: unknown): Promise<never> {
  return refused(ofRead(error));
}

/** What a read fails with may be what a write fails with as well: a read has no outcome. */
export function ofRead(error: unknown): unknown {
  const isOfWrite = error instanceof FastKVError && error.writeOutcome !== "none";
  return isOfWrite ? restated(error, { writeOutcome: "none" }) : error;
}

/**
 * While a signal ends the program, which closes its databases, a call that comes too late waits for that end: a loop
 * over `await db.put()` ends by the signal then, and not in an error that nobody catches. Where the program lives on
 * (as process 1 of a container, which has no default for signals), the call fails as any other after `close`.
 */
function refused(error: unknown): Promise<never> {
  const end = isClosed(error) ? endOfProgram() : undefined;
  if (end === undefined) {
    return Promise.reject(error);
  }
  return end.then(() => {
    throw error;
  });
}

function isClosed(error: unknown): boolean {
  return error instanceof FastKVError && error.code === "FASTKV_CLOSED";
}
