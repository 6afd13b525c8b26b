/** Failures as users see them: one line that says what is wrong and what to do, and an exit code. */

import { escapeControls } from "./escape.js";
import { OutputClosed } from "./output.js";
import { paint } from "./style.js";

/** FROZEN: scripts depend on them. */
export const exitCode = {
  ok: 0,
  /** The command failed, or `get` found no such key. */
  failed: 1,
  /** The database, or the data to load, cannot be opened or is damaged, or the arguments are wrong. */
  unusable: 2,
  /** Ended by Ctrl-C; the code as in shells: 128 + SIGINT. */
  interrupted: 130,
} as const;

/** A failure that the user can understand and fix: only its message is shown. */
export class CommandFailure extends Error {
  readonly exitCode: number;

  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.exitCode = options.exitCode ?? exitCode.failed;
  }
}

/** The command was stopped by Ctrl-C or a signal. The user knows that, so no message is printed. */
export class Interrupted extends CommandFailure {
  constructor(code: number = exitCode.interrupted) {
    super("Interrupted", { exitCode: code });
  }
}

/** Returns one line without anything that could control a terminal. */
export function describeError(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return escapeControls(message.trim().replace(/\s*\n\s*/g, " "));
}

/** Prints a failure to stderr and returns the exit code. The stack is shown only if DEBUG is set. */
export function reportFailure(error: unknown): number {
  if (error instanceof OutputClosed) {
    return exitCode.ok;
  }
  if (!(error instanceof Interrupted)) {
    printError(error);
  }
  return exitCodeOf(error);
}

/** Damage may be found only when a table is read; even then a script must be able to tell it from "no such key". */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommandFailure) {
    return error.exitCode;
  }
  const isDamage = error instanceof Error && "code" in error && error.code === "FASTKV_CORRUPTION";
  return isDamage ? exitCode.unusable : exitCode.failed;
}

export function printError(error: unknown): void {
  process.stderr.write(`${paint(process.stderr, "red", "Error:")} ${describeError(error)}\n`);
  if (process.env.DEBUG) {
    for (let cause = error, indent = ""; cause instanceof Error; cause = cause.cause, indent = "caused by ") {
      process.stderr.write(`${indent}${cause.stack ?? cause.message}\n`);
    }
  }
}
