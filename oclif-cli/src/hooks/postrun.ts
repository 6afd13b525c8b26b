/**
 * The completion that oclif writes for bash takes the completion of file names away, which `--path` and others want. So
 * the script is given bash's default for what it knows nothing of.
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
