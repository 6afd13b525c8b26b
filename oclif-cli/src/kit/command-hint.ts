/** What may help who gave words that are no command, plugins included. */

import type { Config } from "@oclif/core/interfaces";
import type {} from "../plugin.js";
import { escapeControls } from "./escape.js";
import { nearestName } from "./nearest.js";

/** Undefined where nobody knows. */
export async function commandHint(words: readonly string[], config: Config): Promise<string | undefined> {
  const first = words[0];
  if (first === undefined) {
    return undefined;
  }
  const { successes } = await config.runHook("fastkvUnknownCommand", { words });
  const known = successes.find(({ result }) => result !== undefined)?.result;
  if (known !== undefined) {
    return escapeControls(known);
  }
  const names = config.commands.filter((command) => !command.hidden).map((command) => command.id);
  const whole = nearestName(words.join(":"), names);
  if (whole === undefined && config.findCommand(first) !== undefined) {
    return `${config.bin} ${first} --help says how it is used; a database is given with --path DIR.`;
  }
  const nearest = whole ?? nearestName(first, names);
  return nearest === undefined ? undefined : `Did you mean ${nearest.replaceAll(":", " ")}?`;
}
