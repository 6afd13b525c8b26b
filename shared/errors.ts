/**
 * The one error class of FastKV, and its stable codes.
 *
 * `writeOutcome` says what happened to the write that failed: "not-applied" (nothing changed; the call may be repeated
 * when the cause is gone), "in-doubt" (the write may or may not exist after a restart) or "none" (the call was not a
 * write). A test checks the table in docs/errors.md against this list.
 */

export const errorCodes = {
  FASTKV_CLOSED: "the database, snapshot or scan was closed",
  FASTKV_LOCKED: "another process (or this one) has the database open",
  FASTKV_NOT_FOUND:
    "the database does not exist and was not to be created, or cannot be: the folder around it is missing",
  FASTKV_EXISTS: "the database exists and was to be created",
  FASTKV_NOT_A_DATABASE: "the folder holds other files, or is no folder",
  FASTKV_UNSAFE_FOLDER: "the folder belongs to another user, or others may write to it",
  FASTKV_UNSUPPORTED_FORMAT: "written by a newer version, or needs a codec that is not installed",
  FASTKV_SHARD_MISMATCH: "opened with another shard count than it was created with",
  FASTKV_CORRUPTION: "a file is damaged or missing",
  FASTKV_IO: "the operating system refused a file operation",
  FASTKV_NO_SPACE: "the disk is full, or a quota or a file-size limit is reached",
  FASTKV_INVALID_KEY: "the key is of the wrong type, too long or ill-formed",
  FASTKV_INVALID_VALUE: "the value cannot be carried by the encoding without change, or is too large",
  FASTKV_INVALID_OPTION: "an option or argument is unknown, of the wrong type or contradicts another",
  FASTKV_BATCH_TOO_LARGE: "the batch has more operations or bytes than one batch may have",
  FASTKV_OVERLOADED: "too much is in flight: more than maxInFlightBytes to one shard",
  FASTKV_SHARD_UNAVAILABLE: "a shard process cannot be started or keeps dying",
  FASTKV_READ_ONLY: "the batch log can no longer be written",
  FASTKV_ABORTED: "the call was aborted through its AbortSignal",
  FASTKV_INTERNAL: "a bug in FastKV; please report it",
} as const;

export type FastKVErrorCode = keyof typeof errorCodes;

export type WriteOutcome = "not-applied" | "in-doubt" | "none";

export interface FastKVErrorOptions {
  cause?: unknown;
  /** What happened to the write. @default "none" */
  writeOutcome?: WriteOutcome;
  damage?: DamagePlace;
}

/** The place where a file is damaged. */
export interface DamagePlace {
  path: string;
  /** In bytes; undefined if the file is missing or damaged as a whole. */
  offset: number | undefined;
  what: string;
}

/** Every error that FastKV throws or rejects with. Check `code`, never the message. */
export class FastKVError extends Error {
  override readonly name = "FastKVError";
  readonly code: FastKVErrorCode;
  readonly writeOutcome: WriteOutcome;
  /** Set only with `FASTKV_CORRUPTION`, if the damaged place is known. */
  declare readonly damage?: DamagePlace;

  constructor(code: FastKVErrorCode, message: string, options: FastKVErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.writeOutcome = options.writeOutcome ?? "none";
    // Left out otherwise: an own property would be printed with each error.
    if (options.damage !== undefined) {
      this.damage = options.damage;
    }
  }
}

/** Returns a copy of the error with another message or write outcome. */
export function restated(
  error: FastKVError,
  changes: { message?: string; writeOutcome?: WriteOutcome },
): FastKVError {
  const { message = error.message, writeOutcome = error.writeOutcome } = changes;
  const { code, damage, stack } = error;
  const copy = new FastKVError(code, message, {
    writeOutcome,
    ...("cause" in error ? { cause: error.cause } : {}),
    ...(damage === undefined ? {} : { damage }),
  });
  if (stack !== undefined && message === error.message) {
    copy.stack = stack;
  }
  return copy;
}

/** A FastKVError in the form in which it crosses process boundaries. */
export interface ErrorReport {
  code: FastKVErrorCode;
  message: string;
  writeOutcome: WriteOutcome;
  damage?: DamagePlace;
}

export function toErrorReport(error: unknown): ErrorReport {
  if (error instanceof FastKVError) {
    const { code, message, writeOutcome, damage } = error;
    return { code, message, writeOutcome, ...(damage === undefined ? {} : { damage }) };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: "FASTKV_INTERNAL", message, writeOutcome: "in-doubt" };
}

export function fromErrorReport(report: ErrorReport): FastKVError {
  const code = Object.hasOwn(errorCodes, report.code) ? report.code : "FASTKV_INTERNAL";
  const { message, writeOutcome, damage } = report;
  return new FastKVError(code, message, { writeOutcome, ...(damage === undefined ? {} : { damage }) });
}

/** Creates the error for a damaged file. It names the file and, if known, the offset in bytes. */
export function corruption(
  path: string,
  offset: number | undefined,
  what: string,
  cause?: unknown,
): FastKVError {
  const where = offset === undefined ? path : `${path} at offset ${offset}`;
  return new FastKVError(
    "FASTKV_CORRUPTION",
    `Damaged file ${where}: ${what}. Restore it from a backup, or see what \`verify(folder)\` or the command \`fastkv verify\` says.`,
    { damage: { path, offset, what }, ...(cause === undefined ? {} : { cause }) },
  );
}

/** Asserts a condition that only a bug in FastKV can break. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) {
    throw new FastKVError("FASTKV_INTERNAL", `Invariant broken: ${message}`);
  }
}
