/**
 * The completion that oclif writes for bash disables the completion of file names, which `--path` and others need. So
 * bash's default completion is added to the script for everything that it does not complete.
 */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Hook } from "@oclif/core";

const postrun: Hook<"postrun"> = async ({ Command, config }) => {
  if (!Command.id.startsWith("autocomplete")) {
    return;
  }
  const file = join(config.cacheDir, "autocomplete", "functions", "bash", `${config.bin}.bash`);
  const script = await readFile(file, "utf8").catch(() => undefined);
  const mended = script?.replaceAll(/^complete -F /gm, "complete -o default -F ");
  if (mended !== undefined && mended !== script) {
    await writeFile(file, mended);
  }
};

export default postrun;
