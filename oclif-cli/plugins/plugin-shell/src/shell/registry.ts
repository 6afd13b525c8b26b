/** All commands of the shell, in the order that `help` lists them. */

import type { ShellCommand } from "./command.js";
import { keepingCommands } from "./commands/keeping.js";
import { readingCommands } from "./commands/reading.js";
import { sessionCommands } from "./commands/session.js";
import { transferCommands } from "./commands/transfer.js";
import { writingCommands } from "./commands/writing.js";

export const shellCommands: readonly ShellCommand[] = [
  ...readingCommands,
  ...writingCommands,
  ...transferCommands,
  ...keepingCommands,
  ...sessionCommands,
];

export function findCommand(name: string): ShellCommand | undefined {
  return shellCommands.find((command) => command.name === name);
}
