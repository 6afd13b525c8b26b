/**
 * `fastkv autocomplete script bash` prints a line that loads the completion, and does nothing where nobody has run
 * `fastkv autocomplete` before. So what the line loads is written first, if it is not there.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Hook } from "@oclif/core";

const prerun: Hook<"prerun"> = async ({ Command, config }) => {
  if (Command.id === "autocomplete:script" && !existsSync(join(config.cacheDir, "autocomplete"))) {
    await config.runCommand("autocomplete:create");
  }
};

export default prerun;
