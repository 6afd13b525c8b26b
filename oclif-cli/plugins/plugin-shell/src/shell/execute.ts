/** Runs one command of the shell. */

import { performance } from "node:perf_hooks";
import { formatDurationMs } from "fastkv-cli/kit/duration";
import { CommandFailure } from "fastkv-cli/kit/failure";
import type { Word } from "../text/line.js";
import { CommandArguments } from "./command.js";
import { findCommand, shellCommands } from "./registry.js";
import type { Session } from "./session.js";
import { unknownCommand } from "./unknown-command.js";

/**
 * Does nothing without words, as for a blank line. Printed text is flushed when this settles, even after a failure. A
 * failure within a batch spoils the batch; Ctrl-C does not, because it stops only a command that reads.
 */
export async function executeWords(
  session: Session,
  words: readonly Word[],
  signal: AbortSignal,
): Promise<void> {
  try {
    await execute(session, words, signal);
  } catch (error) {
    if (session.batch && !signal.aborted) {
      session.batch.hasFailed = true;
      session.hint("The open batch will not be written: cancel drops it");
    }
    throw error;
  }
}

async function execute(session: Session, words: readonly Word[], signal: AbortSignal): Promise<void> {
  const [first, ...others] = words;
  if (first === undefined) {
    return;
  }
  const name = first.value;
  const command = typeof name === "string" ? findCommand(name) : undefined;
  if (!command) {
    throw new CommandFailure(unknownCommand(String(name), shellCommands));
  }
  const timing = session.timing;
  const startedMs = performance.now();
  try {
    await command.run(session, CommandArguments.parse(command, others), signal);
    if (timing && session.timing) {
      session.output.say(`(${formatDurationMs(performance.now() - startedMs)})`);
    }
  } finally {
    await session.output.flush();
  }
}
