/** The shell over piped input: no prompt, echo or colour; the first error ends it. */

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
import { parseLine } from "../text/line.js";
import { executeLine } from "./execute.js";
import type { Session } from "./session.js";

/** Runs all lines of `input`. @returns the exit code */
export async function runScript(
  session: Session,
  input: NodeJS.ReadableStream,
  options: { keepGoing: boolean; signal: AbortSignal },
): Promise<number> {
  let code: number = exitCode.ok;
  let pending = "";
  let number = 0;
  let startedAt = 0;
  const run = async (line: string): Promise<void> => {
    try {
      await executeLine(session, line, options.signal);
    } catch (error) {
      if (options.signal.aborted || error instanceof OutputClosed || error instanceof Interrupted) {
        throw error;
      }
      code = Math.max(code, exitCodeOf(error));
      // Quotes that are open take the next lines as well: say how far they went.
      const place = startedAt === number ? `line ${number}` : `lines ${startedAt} to ${number}`;
      printError(new CommandFailure(`${place}: ${describeError(error)}`, { cause: error }));
      session.ended ||= !options.keepGoing;
    }
  };
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  options.signal.addEventListener("abort", () => lines.close(), { once: true });
  for await (const line of lines) {
    number++;
    startedAt = pending === "" ? number : startedAt;
    pending = pending === "" ? line : `${pending}\n${line}`;
    if (parseLine(pending).open === undefined) {
      await run(pending);
      pending = "";
    }
    if (session.ended) {
      break;
    }
  }
  options.signal.throwIfAborted();
  if (pending !== "" && !session.ended) {
    await run(pending);
  }
  if (session.batch && (code === exitCode.ok || options.keepGoing)) {
    printError(
      new CommandFailure(
        `The input ended within a batch: ${counted(session.batch.length, "operation")} not written`,
      ),
    );
    code = Math.max(code, exitCode.failed);
  }
  return code;
}
