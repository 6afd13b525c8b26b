/** Says of a command of the shell where it is to be given: `fastkv count` is no command of the program. */

import type { Hook } from "@oclif/core";
import type {} from "fastkv-cli/plugin";
import { findCommand } from "../shell/registry.js";

/** These mean nothing but to a shell that runs. */
const onlyInside = new Set(["help", "exit", "quit"]);

const hintOfShell: Hook<"fastkvUnknownCommand"> = async ({ words, config }) => {
  const name = words[0]!;
  if (findCommand(name) === undefined || onlyInside.has(name)) {
    return undefined;
  }
  return `It is one of the shell: type it in ${config.bin} shell --path DIR, or pipe it: echo '${words.join(" ")}' | ${config.bin} shell --path DIR`;
};

export default hintOfShell;
