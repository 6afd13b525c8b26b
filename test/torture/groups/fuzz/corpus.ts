/**
 * The corpus: a folder for each decoder in test/torture/corpus, with small inputs that its encoder wrote, bombs, and what
 * once broke it. It is written anew by `node dist/test/torture/groups/fuzz/write-corpus.js`, which leaves files alone
 * whose names begin with "found-": those are inputs that were found.
 */

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { fileTargets } from "./file-targets.js";
import type { FuzzTarget } from "./target.js";
import { textTargets } from "./text-targets.js";
import { valueTargets } from "./value-targets.js";

export const targets: readonly FuzzTarget[] = [...fileTargets, ...valueTargets, ...textTargets];

const foundPrefix = "found-";

/** In the sources, above whichever build this is. */
function corpusFolder(): string {
  for (let folder = path.dirname(fileURLToPath(import.meta.url)); ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, "test", "torture", "corpus");
    if (
      fs.existsSync(path.join(folder, "package.json")) &&
      fs.existsSync(path.join(folder, "test", "tsconfig.json"))
    ) {
      return candidate;
    }
    if (folder === path.dirname(folder)) {
      throw new Error("The corpus is not there: it is part of the repository");
    }
  }
}

/** The inputs of a decoder, by name. */
export function readCorpus(target: FuzzTarget): Map<string, Buffer> {
  const folder = path.join(corpusFolder(), target.name);
  const names = fs.readdirSync(folder).sort();
  return new Map(names.map((name) => [name, fs.readFileSync(path.join(folder, name))]));
}

/** Gives the number of files. */
export async function writeCorpus(): Promise<number> {
  let count = 0;
  for (const target of targets) {
    const folder = path.join(corpusFolder(), target.name);
    fs.mkdirSync(folder, { recursive: true });
    for (const name of fs.readdirSync(folder).filter((one) => !one.startsWith(foundPrefix))) {
      fs.rmSync(path.join(folder, name));
    }
    for (const [name, bytes] of Object.entries(await target.samples())) {
      fs.writeFileSync(path.join(folder, `${name}.bin`), bytes);
      count += 1;
    }
  }
  return count;
}
