/** The message for words that are not a command, neither of the program nor of a plugin. */

import { Errors } from "@oclif/core";
import type { Config } from "@oclif/core/interfaces";
import type {} from "../plugin.js";
import { escapeControls } from "./escape.js";
import { nearestName } from "./nearest.js";

const noSuchCommand = 127;

export async function unknownCommand(words: readonly string[], config: Config): Promise<Errors.CLIError> {
  const what = escapeControls(words.join(" "));
  const hint = await commandHint(words, config);
  return new Errors.CLIError(`${what}: not a command of ${config.bin}. ${hint}`, { exit: noSuchCommand });
}

/** A hint that may help; if there is none, where the commands are listed. */
export async function commandHint(words: readonly string[], config: Config): Promise<string> {
  const [first = ""] = words;
  const { successes } = await config.runHook("fastkvUnknownCommand", { words });
  const known = successes.find(({ result }) => result !== undefined)?.result;
  if (known !== undefined) {
    return escapeControls(known);
  }
  const visible = config.commands.filter((command) => !command.hidden);
  const names = visible.map((command) => command.id.replaceAll(":", " "));
  const whole = nearestName(words.join(" "), names);
  if ((whole === undefined || whole === first) && config.findCommand(first) !== undefined) {
    return `${config.bin} ${first} --help says how it is used; a database is given with --path DIR.`;
  }
  const nearest = whole ?? nearestName(first, names);
  return nearest === undefined ? `${config.bin} help lists the commands.` : `Did you mean ${nearest}?`;
}
