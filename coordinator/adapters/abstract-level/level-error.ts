import { FastKVError, type FastKVErrorCode } from "../../index.js";

/** The codes that Level documents, for those of ours that mean the same. */
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

/** An error with a code that Level documents; its `cause` is the FastKVError. */
export class LevelError extends Error {
  override readonly name: string;
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.name = code === "LEVEL_ABORTED" ? "AbortError" : "LevelError";
  }
}

/** An error of FastKV in Level's terms; one that Level has no code for stays as it is. */
export function levelError(error: unknown): unknown {
  const code = error instanceof FastKVError ? levelCodes[error.code] : undefined;
  return code === undefined ? error : new LevelError(code, (error as FastKVError).message, error);
}

/** Awaits a call, or makes a synchronous one, whose errors are to be Level's. */
export async function inLevelTerms<T>(call: () => T | Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw levelError(error);
  }
}
