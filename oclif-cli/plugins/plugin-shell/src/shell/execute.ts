/** Runs one line of the shell. */

import { performance } from "node:perf_hooks";
import { formatDurationMs } from "fastkv-cli/kit/duration";
import { CommandFailure } from "fastkv-cli/kit/failure";
import { parseLine } from "../text/line.js";
import { CommandArguments } from "./command.js";
import { findCommand, shellCommands } from "./registry.js";
import type { Session } from "./session.js";
import { unknownCommand } from "./unknown-command.js";

/** Does nothing for a blank line or a comment. What is printed is flushed when this resolves, also on a failure. */
export async function executeLine(session: Session, line: string, signal: AbortSignal): Promise<void> {
  const { words, open } = parseLine(line);
  if (open !== undefined) {
    throw new CommandFailure(`The line ends within ${open === "\\" ? "an escape" : `quotes (${open})`}`);
  }
  if (words.length === 0) {
    return;
  }
  const [name, ...values] = words.map((word) => word.value);
  const command = typeof name === "string" ? findCommand(name) : undefined;
  if (!command) {
    throw new CommandFailure(unknownCommand(String(name), shellCommands));
  }
  const timing = session.timing;
  const startedMs = performance.now();
  try {
    await command.run(session, CommandArguments.parse(command, values), signal);
    if (timing && session.timing) {
      session.output.say(`(${formatDurationMs(performance.now() - startedMs)})`);
    }
  } finally {
    await session.output.flush();
  }
}
