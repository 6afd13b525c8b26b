/** The shell for piped input: no prompt, echo or colour; the first error ends it. */

import { createInterface } from "node:readline";
import { counted } from "fastkv-cli/kit/counted";
import {
  CommandFailure,
  describeError,
  exitCode,
  exitCodeOf,
  Interrupted,
  printError,
} from "fastkv-cli/kit/failure";
import { OutputClosed } from "fastkv-cli/kit/output";
import { type OpenQuote, parseLine, type Word } from "../text/line.js";
import { executeWords } from "./execute.js";
import type { Session } from "./session.js";

/** Runs all lines of `input`. @returns the exit code */
export async function runScript(
  session: Session,
  input: NodeJS.ReadableStream,
  options: { keepGoing: boolean; signal: AbortSignal },
): Promise<number> {
  let code: number = exitCode.ok;
  let pending = "";
  let parsed = parseLine("");
  let number = 0;
  let startedAt = 0;
  const fail = (place: string, error: unknown): void => {
    code = Math.max(code, exitCodeOf(error));
    printError(new CommandFailure(`${place}: ${describeError(error)}`, { cause: error }));
    session.ended ||= !options.keepGoing;
  };
  const run = async (words: readonly Word[]): Promise<void> => {
    try {
      await executeWords(session, words, options.signal);
    } catch (error) {
      if (options.signal.aborted || error instanceof OutputClosed || error instanceof Interrupted) {
        throw error;
      }
      // An open quote continues on the next lines, so the message names all of them.
      fail(startedAt === number ? `line ${number}` : `lines ${startedAt} to ${number}`, error);
    }
  };
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  options.signal.addEventListener("abort", () => lines.close(), { once: true });
  for await (const line of lines) {
    number++;
    startedAt = pending === "" ? number : startedAt;
    pending = pending === "" ? line : `${pending}\n${line}`;
    if (mayClose(parsed.open, line)) {
      parsed = parseLine(pending);
    }
    if (parsed.open === undefined) {
      await run(parsed.words);
      pending = "";
    }
    if (session.ended) {
      break;
    }
  }
  options.signal.throwIfAborted();
  const { open } = parsed;
  if (open !== undefined) {
    fail(`line ${startedAt + lineEnds(pending.slice(0, open.at))}`, unclosed(open));
  }
  if (session.batch && (code === exitCode.ok || options.keepGoing)) {
    const what = session.ended ? "The shell was left" : "The input ended";
    const unwritten = counted(session.batch.operations.length, "operation");
    printError(new CommandFailure(`${what} within a batch, before its end: ${unwritten} not written`));
    code = Math.max(code, exitCode.failed);
  }
  return code;
}

/**
 * Parses the pending lines again only if this line may close the quote; otherwise an unclosed quote would cause that
 * for every line.
 */
function mayClose(open: OpenQuote | undefined, line: string): boolean {
  return open === undefined || open.quote === "\\" || line.includes(open.quote.at(-1)!);
}

function lineEnds(text: string): number {
  return text.split("\n").length - 1;
}

function unclosed({ quote }: OpenQuote): CommandFailure {
  return new CommandFailure(
    quote === "\\"
      ? "The input ends within an escape"
      : `The quotes (${quote}) that open here are not closed`,
  );
}
