/** For a command of the shell, tells where to use it: `fastkv count`, for example, is not a command of the program. */

import type { Hook } from "@oclif/core";
import { synonymOf } from "fastkv-cli/kit/synonym";
import type {} from "fastkv-cli/plugin";
import { findCommand } from "../shell/registry.js";
import { clearHint } from "../shell/unknown-command.js";

/** Commands that make sense only in a running shell. */
const onlyInside = new Set(["help", "exit", "quit"]);

const hintOfShell: Hook<"fastkvUnknownCommand"> = async ({ words, config }) => {
  const [typed = "", ...others] = words;
  if (typed === "clear") {
    return clearHint;
  }
  const name = synonymOf(typed) ?? typed;
  if (findCommand(name) === undefined || onlyInside.has(name) || config.findCommand(name) !== undefined) {
    return undefined;
  }
  const guess = name === typed ? "" : `Did you mean ${name}? `;
  const shell = `${config.bin} shell --path DIR`;
  return `${guess}It is one of the shell: type it in ${shell}, or pipe it: echo '${[name, ...others].join(" ")}' | ${shell}`;
};

export default hintOfShell;
