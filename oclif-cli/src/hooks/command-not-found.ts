/**
 * A command that there is none of. Nobody is asked whether another was meant: who types ahead, or answers with Enter, would
 * run what was never typed.
 */

import { Errors, type Hook } from "@oclif/core";
import { commandHint } from "../kit/command-hint.js";
import { escapeControls } from "../kit/escape.js";
import { exitCode } from "../kit/failure.js";

const noSuchCommand = 127;

const commandNotFound: Hook<"command_not_found"> = async ({ id, config }) => {
  // oclif's id has colons for spaces; keys have colons, too.
  const typed = process.argv.slice(2);
  const end = typed.findIndex((word) => word.startsWith("-"));
  const words = end > 0 ? typed.slice(0, end) : end === 0 ? id.split(":") : typed;
  const hint = (await commandHint(words, config)) ?? `${config.bin} help lists the commands.`;
  // Where a command takes no words, oclif looks for one with a longer name.
  const [first = ""] = words;
  if (
    config.findCommand(first) !== undefined &&
    !config.commandIDs.some((name) => name.startsWith(`${first}:`))
  ) {
    const rest = escapeControls(words.slice(1).join(" "));
    throw new Errors.CLIError(`Unexpected argument: ${rest}. ${hint}`, { exit: exitCode.unusable });
  }
  const what = escapeControls(words.join(" "));
  throw new Errors.CLIError(`${what}: not a command of ${config.bin}. ${hint}`, { exit: noSuchCommand });
};

export default commandNotFound;
