/** Errors on order: which call fails, how, and how often. */

import { FastKVError } from "../../../shared/errors.js";
import type { DiskCall, DiskOperation } from "./call-recorder.js";

export type CallMatcher =
  | ((call: DiskCall) => boolean)
  | {
      operation?: DiskOperation;
      /** Matched against the path and, for rename and link, also against the old name. */
      path?: RegExp | string;
      /**
       * The first call that fails, counted among those that match from now on.
       * @default 1
       */
      nth?: number;
      /**
       * How many matching calls fail from there on.
       * @default 1
       */
      times?: number;
      /** For writes: how many bytes are written before the error. @default any part of them */
      partBytes?: number;
    };

/** An error code of the system ("ENOSPC", "EIO"), or the very error to throw. */
export type InjectedError = string | Error;

export class Fault {
  /** How many calls it has failed. */
  hits = 0;
  readonly error: InjectedError;
  readonly partBytes: number | undefined;
  readonly #matches: (call: DiskCall) => boolean;
  #skip: number;
  #left: number;

  constructor(matcher: CallMatcher, error: InjectedError) {
    const fields = typeof matcher === "function" ? {} : matcher;
    this.error = error;
    this.partBytes = fields.partBytes;
    this.#skip = (fields.nth ?? 1) - 1;
    this.#left = fields.times ?? 1;
    this.#matches = typeof matcher === "function" ? matcher : (call) => matches(fields, call);
  }

  get isSpent(): boolean {
    return this.#left === 0;
  }

  /** Lets no further call fail. */
  cancel(): void {
    this.#left = 0;
  }

  strikes(call: DiskCall): boolean {
    if (this.#left === 0 || !this.#matches(call)) {
      return false;
    }
    if (this.#skip > 0) {
      this.#skip -= 1;
      return false;
    }
    this.#left -= 1;
    this.hits += 1;
    return true;
  }
}

function matches(fields: { operation?: DiskOperation; path?: RegExp | string }, call: DiskCall): boolean {
  const { operation, path } = fields;
  if (operation !== undefined && operation !== call.operation) {
    return false;
  }
  if (path === undefined) {
    return true;
  }
  return [call.path, call.from ?? ""].some((name) =>
    typeof path === "string" ? name.includes(path) : path.test(name),
  );
}

const noSpaceCodes = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** What `NodeFileSystem` throws where the system answers `code`. */
export function systemError(action: string, path: string, code: string): FastKVError {
  const cause = Object.assign(new Error(`${code}: ${action} '${path}' (simulated)`), { code, path });
  if (noSpaceCodes.has(code)) {
    const message = `Cannot ${action} ${path}: no room left (${code}). Free some space.`;
    return new FastKVError("FASTKV_NO_SPACE", message, { cause, writeOutcome: "not-applied" });
  }
  const advice = code === "EMFILE" || code === "ENFILE" ? " Raise the limit of open files (ulimit -n)." : "";
  return new FastKVError("FASTKV_IO", `Cannot ${action} ${path}: ${code}.${advice}`, { cause });
}
