/** What calls give that are refused before anything was done. */

import { setImmediate } from "node:timers/promises";
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
 * While a signal ends the program, which closes its databases, a call that comes too late waits for that end: a loop
 * over `await db.put()` ends by the signal then, and not in an error that nobody catches. Where the program lives on
 * (as process 1 of a container, which has no default for signals), the call fails as any other after `close`.
 */
function whatComesFirst(error: unknown): Promise<void> | undefined {
  const code = error instanceof FastKVError ? error.code : undefined;
  if (code === "FASTKV_OVERLOADED") {
    return nextTurn();
  }
  return code === "FASTKV_CLOSED" ? endOfProgram() : undefined;
}

let turn: Promise<void> | undefined;

/** A loop that tries again until there is room must let in the answers that make room. */
function nextTurn(): Promise<void> {
  turn ??= setImmediate().then(() => {
    turn = undefined;
  });
  return turn;
}
