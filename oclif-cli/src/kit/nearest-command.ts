/** "Did you mean ...?" for the commands of the program, plugins included. */

import type { Config } from "@oclif/core/interfaces";
import { escapeControls } from "./escape.js";
import { nearestName } from "./nearest.js";

/** `id` as oclif has it, `plugins:install`. Undefined where no command comes near. */
export function guessOf(id: string, config: Config): string | undefined {
  const names = config.commands.filter((command) => !command.hidden).map((command) => command.id);
  const nearest = nearestName(id, names) ?? nearestName(id.split(":")[0]!, names);
  return nearest === undefined ? undefined : `Did you mean ${escapeControls(nearest.replaceAll(":", " "))}?`;
}
