/** A copy of the build with one bug in it, within the repository so that packages are found from it. */

import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { PlantedBug } from "./bugs.js";

/** The folder `dist`; in a planted build, that build's own. */
const built = fileURLToPath(new URL("../../../", import.meta.url));
const bundler = path.join(built, "..", "shared", "scripts", "bundle.js");
const parts = ["coordinator", "shard", "shared", "test"];

export interface PlantedBuild {
  /** Has the same layout as `dist`. */
  readonly folder: string;
  remove(): void;
}

/** The file with the bug in it. Throws where the text is not there exactly once: the plant is stale. */
export function plantedText(plant: PlantedBug): string {
  const source = fs.readFileSync(path.join(built, plant.file), "utf8");
  const found = source.split(plant.text).length - 1;
  if (found !== 1) {
    throw new Error(
      `The planted bug "${plant.name}" is stale: its text stands ${found} times in dist/${plant.file}`,
    );
  }
  return source.replace(plant.text, () => plant.replacement);
}

export async function buildPlanted(plant: PlantedBug): Promise<PlantedBuild> {
  const text = plantedText(plant);
  const folder = path.join(built, "torture-planted", plant.name);
  fs.rmSync(folder, { recursive: true, force: true });
  for (const part of parts) {
    // The tests stay out, so that no test runner finds them twice.
    fs.cpSync(path.join(built, part), path.join(folder, part), {
      recursive: true,
      filter: (source) => !/\.(test\.js|d\.ts|tsbuildinfo)$/.test(source),
    });
  }
  fs.writeFileSync(path.join(folder, plant.file), text);
  await promisify(execFile)(process.execPath, [bundler, folder]);
  return { folder, remove: () => fs.rmSync(folder, { recursive: true, force: true }) };
}
