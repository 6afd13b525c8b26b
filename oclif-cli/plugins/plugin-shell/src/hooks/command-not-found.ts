/** Says of a command of the shell where it is to be given: `fastkv count` is no command of the program. */

import type { Hook } from "@oclif/core";
import { findCommand } from "../shell/registry.js";

const commandNotFound: Hook<"command_not_found"> = async ({ id, config }) => {
  const { bin } = config;
  const name = id.split(":")[0]!;
  if (findCommand(name) !== undefined) {
    process.stderr.write(
      `${name} is a command of the shell: ${bin} shell --path <database>, or: echo ${name} | ${bin} shell --path <database>\n`,
    );
  }
};

export default commandNotFound;
