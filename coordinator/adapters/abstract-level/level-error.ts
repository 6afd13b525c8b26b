import { FastKVError, type FastKVErrorCode } from "../../index.js";

/** Level's documented codes for FastKV codes with the same meaning. */
const levelCodes: Partial<Record<FastKVErrorCode, string>> = {
  FASTKV_ABORTED: "LEVEL_ABORTED",
  FASTKV_CLOSED: "LEVEL_DATABASE_NOT_OPEN",
  FASTKV_CORRUPTION: "LEVEL_CORRUPTION",
  FASTKV_INVALID_KEY: "LEVEL_INVALID_KEY",
  FASTKV_INVALID_VALUE: "LEVEL_INVALID_VALUE",
  FASTKV_IO: "LEVEL_IO_ERROR",
  FASTKV_LOCKED: "LEVEL_LOCKED",
  FASTKV_READ_ONLY: "LEVEL_READONLY",
};

/** An error with a code that Level documents. Its `cause` is the FastKVError, if there is one. */
export class LevelError extends Error {
  override readonly name: string;
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.name = code === "LEVEL_ABORTED" ? "AbortError" : "LevelError";
  }
}

/** Converts a FastKV error to Level's codes. An error for which Level has no code is returned unchanged. */
export function levelError(error: unknown): unknown {
  const code = error instanceof FastKVError ? levelCodes[error.code] : undefined;
  return code === undefined ? error : new LevelError(code, (error as FastKVError).message, error);
}

/** Runs a call, synchronous or not, and converts its errors to Level's. */
export async function inLevelTerms<T>(call: () => T | Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw levelError(error);
  }
}
