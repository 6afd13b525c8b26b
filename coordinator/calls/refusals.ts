/** Results of calls that are refused before anything was done. */

import { setImmediate } from "node:timers/promises";
import { FastKVError, restated } from "../../shared/errors.js";
import { endOfProgram } from "../signals.js";

/** Refuses a write: whatever the error, nothing was applied. */
export function refusedWrite(error: unknown): Promise<never> {
  return refused(notApplied(error));
}

/** Marks an error as "not-applied", if it refused a part of a write before anything was done. */
export function notApplied(error: unknown): unknown {
  const isPlain = error instanceof FastKVError && error.writeOutcome === "none";
  return isPlain ? restated(error, { writeOutcome: "not-applied" }) : error;
}

/** Adds to the message which of several given things the error is about. */
export function withContext(what: string, error: unknown): unknown {
  return error instanceof FastKVError ? restated(error, { message: `${what}: ${error.message}` }) : error;
}

/** Refuses a read. A read has nothing to apply. */
export function refusedRead(error: unknown): Promise<never> {
  return refused(asReadError(error));
}

/** Removes the write outcome from an error: a read may fail with the same error as a write, but has no outcome. */
export function asReadError(error: unknown): unknown {
  const isOfWrite = error instanceof FastKVError && error.writeOutcome !== "none";
  return isOfWrite ? restated(error, { writeOutcome: "none" }) : error;
}

function refused(error: unknown): Promise<never> {
  const before = whatComesFirst(error);
  if (before === undefined) {
    return Promise.reject(error);
  }
  return before.then(() => {
    throw error;
  });
}

/**
 * What a refused call waits for before it rejects.
 *
 * While a signal ends the program and its databases close, a call that comes too late waits for that end. A loop over
 * `await db.put()` is then ended by the signal, not by an error that nobody catches. If the program survives (as
 * process 1 of a container, which has no default action for signals), the call fails like any other after `close`.
 */
function whatComesFirst(error: unknown): Promise<void> | undefined {
  const code = error instanceof FastKVError ? error.code : undefined;
  if (code === "FASTKV_OVERLOADED") {
    return nextTurn();
  }
  return code === "FASTKV_CLOSED" ? endOfProgram() : undefined;
}

let turn: Promise<void> | undefined;

/** A loop that retries until there is room must let the event loop receive the answers that make room. */
function nextTurn(): Promise<void> {
  turn ??= setImmediate().then(() => {
    turn = undefined;
  });
  return turn;
}
