/**
 * Handles an unknown command. It does not ask whether another one was meant: a user who types ahead, or answers with
 * Enter, would run a command that was never typed.
 */

import { Errors, type Hook } from "@oclif/core";
import { escapeControls } from "../kit/escape.js";
import { exitCode } from "../kit/failure.js";
import { commandHint, unknownCommand } from "../kit/unknown-command.js";

const commandNotFound: Hook<"command_not_found"> = async ({ config }) => {
  // oclif's id has colons instead of spaces, but keys may contain colons, too.
  const typed = process.argv.slice(2);
  const end = typed.findIndex((word) => word.startsWith("-"));
  if (end === 0) {
    const flag = escapeControls(typed[0]!.replace(/=.*/s, ""));
    throw unusable(`${flag}: flags stand behind the command, as in ${config.bin} get KEY --path DIR`);
  }
  const words = end > 0 ? typed.slice(0, end) : typed;
  // If a command takes no words, oclif looks for one with a longer name.
  const [first = ""] = words;
  if (
    config.findCommand(first) !== undefined &&
    !config.commandIDs.some((name) => name.startsWith(`${first}:`))
  ) {
    const rest = escapeControls(words.slice(1).join(" "));
    throw unusable(`Unexpected argument: ${rest}. ${await commandHint(words, config)}`);
  }
  throw await unknownCommand(words, config);
};

function unusable(message: string): Errors.CLIError {
  return new Errors.CLIError(message, { exit: exitCode.unusable });
}

export default commandNotFound;
