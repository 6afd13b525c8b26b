/** Catching errors and looking at them. */

import { FastKVError, type FastKVErrorCode } from "../../shared/errors.js";

/** The FastKVError that a call throws; fails where it throws another or none. */
export function caught(call: () => unknown): FastKVError {
  try {
    call();
  } catch (error) {
    return asFastKVError(error);
  }
  throw new Error("The call should have thrown");
}

/** The FastKVError that a promise rejects with; fails where it rejects with another or resolves. */
export async function rejection(promise: Promise<unknown>): Promise<FastKVError> {
  try {
    await promise;
  } catch (error) {
    return asFastKVError(error);
  }
  throw new Error("The promise should have been rejected");
}

/** The result of a call, or the code of the FastKVError that it throws. */
export function outcome<T>(call: () => T): { result: T } | { code: FastKVErrorCode } {
  try {
    return { result: call() };
  } catch (error) {
    return { code: asFastKVError(error).code };
  }
}

/** The system's code below a FastKVError, such as "ENOENT". */
export function causeCode(error: Error): unknown {
  const { cause } = error;
  return typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined;
}

function asFastKVError(error: unknown): FastKVError {
  if (error instanceof FastKVError) {
    return error;
  }
  throw error;
}
