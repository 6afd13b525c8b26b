/**
 * Writes oclif.manifest.json for the host and each of our plugins, so that no command module is imported at start.
 * What `oclif manifest` does, without the package `oclif` and its hundreds of dependencies.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Plugin } from "@oclif/core";

const host = fileURLToPath(new URL("..", import.meta.url));
const folders = [
  ".",
  "plugins/plugin-shell",
  "plugins/plugin-test",
  "plugins/plugin-benchmark",
  "example-plugin",
];

for (const folder of folders) {
  const root = join(host, folder);
  const plugin = new Plugin({ root, type: "core", ignoreManifest: true, errorOnManifestCreate: true });
  await plugin.load();
  writeFileSync(join(root, "oclif.manifest.json"), `${JSON.stringify(plugin.manifest, null, 2)}\n`);
}
