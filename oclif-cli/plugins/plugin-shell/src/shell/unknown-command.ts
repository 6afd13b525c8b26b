/** What the shell says to a command that it does not know. */

import { escapeControls } from "fastkv-cli/kit/escape";
import { nearestName } from "fastkv-cli/kit/nearest";

export function unknownCommand(name: string, commands: readonly { name: string }[]): string {
  const nearest = nearestName(
    name,
    commands.map((command) => command.name),
  );
  const guess = nearest === undefined ? "" : ` Did you mean ${nearest}?`;
  return `Unknown command: ${escapeControls(name)}.${guess} Type help for the list`;
}
