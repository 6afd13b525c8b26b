/**
 * npm bundles only what lies in the package's own node_modules, and the workspaces' plugins are links elsewhere.
 * So `npm pack` and `npm publish` run this before (real copies of what each plugin publishes), and with --undo after.
 */

import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const host = fileURLToPath(new URL("..", import.meta.url));
const { bundleDependencies } = JSON.parse(readFileSync(join(host, "package.json"), "utf8"));
const license = join(host, "..", "LICENSE");

rmSync(join(host, "node_modules"), { recursive: true, force: true });
rmSync(join(host, "LICENSE"), { force: true });

if (!process.argv.includes("--undo")) {
  for (const name of bundleDependencies) {
    const from = join(host, "plugins", name.replace(/^fastkv-/, ""));
    const to = join(host, "node_modules", name);
    mkdirSync(to, { recursive: true });
    for (const file of ["package.json", "oclif.manifest.json"]) {
      cpSync(join(from, file), join(to, file));
    }
    cpSync(join(from, "dist"), join(to, "dist"), { recursive: true, filter: isPublished });
  }
  if (existsSync(license)) {
    copyFileSync(license, join(host, "LICENSE"));
  }
}

/** What a plugin's own "files" list names: folders, code and types, but no maps or build records. */
function isPublished(path) {
  return statSync(path).isDirectory() || /\.(js|d\.ts)$/.test(path);
}
