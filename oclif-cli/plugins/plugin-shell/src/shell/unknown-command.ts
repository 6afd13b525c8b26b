/** The shell's message about an unknown command. */

import { escapeControls } from "fastkv-cli/kit/escape";
import { nearestName } from "fastkv-cli/kit/nearest";

/** A typing error must not empty a database, so neither the shell nor the command line has `clear`. */
export const clearHint = "Only a program can clear a range, with db.clear(); delete removes one key.";

export function unknownCommand(name: string, commands: readonly { name: string }[]): string {
  const nearest = nearestName(
    name,
    commands.map((command) => command.name),
  );
  const guess = nearest === undefined ? "" : ` Did you mean ${nearest}?`;
  const hint = name === "clear" ? ` ${clearHint}` : guess;
  return `Unknown command: ${escapeControls(name)}.${hint} Type help for the list`;
}
