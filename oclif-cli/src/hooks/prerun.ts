/**
 * `fastkv autocomplete script bash` prints a line that loads the completion, which does nothing if nobody has run
 * `fastkv autocomplete` before. So if the file that the line loads does not exist, it is written first.
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
