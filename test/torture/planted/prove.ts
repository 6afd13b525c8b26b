/** Proves the suite: builds FastKV with a bug in it, and lets the groups that must find it look for it. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { makeTemporaryFolder, removeTemporaryFolder } from "../../support/temporary-folder.js";
import type { PlantedBug, Proof } from "./bugs.js";
import { buildPlanted } from "./build.js";

/** A group is given this long beyond its time before the run counts as stuck. */
const graceMs = 150_000;

/** Whether every bug was found by each run that must find it. */
export async function provePlants(
  plants: readonly PlantedBug[],
  say: (line: string) => void,
): Promise<boolean> {
  let isFine = true;
  for (const plant of plants) {
    say(`plant ${plant.name}: ${plant.what}`);
    const build = await buildPlanted(plant);
    for (const proof of plant.proofs) {
      const startMs = performance.now();
      const { found, output } = await search(build.folder, proof);
      const took = `${((performance.now() - startMs) / 1000).toFixed(1)} s`;
      const where = `${proof.group} with seed ${proof.seed}`;
      if (!found && output.includes("[skipped: ")) {
        say(`  not tried by ${where}: this machine does not allow all of it`);
      } else if (found) {
        say(`  found by ${where} after ${took}: ${firstFinding(output)}`);
      } else {
        isFine = false;
        say(`MISSED ${plant.name} by ${where} after ${took}\n${output}`);
      }
    }
    build.remove();
  }
  return isFine;
}

/** Runs the suite of the planted build. Only a group that failed has found something. */
async function search(
  folder: string,
  { group, seed, seconds }: Proof,
): Promise<{ found: boolean; output: string }> {
  const main = path.join(folder, "test", "torture", "main.js");
  const limits = ["--group", group, "--seed", String(seed), "--seconds", String(seconds)];
  // A group that finds something leaves its folders, here for nobody.
  const temporary = makeTemporaryFolder();
  const child = spawn(process.execPath, ["--enable-source-maps", main, ...limits], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, TMPDIR: temporary },
  });
  let output = "";
  const take = (bytes: Buffer): void => {
    output += bytes.toString();
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  const timer = setTimeout(() => child.kill("SIGKILL"), seconds * 1000 + graceMs);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(timer);
  removeTemporaryFolder(temporary);
  return { found: code === 1 && output.includes(`FAILED ${group} `), output };
}

/** The line behind that of the group. */
function firstFinding(output: string): string {
  const lines = output.split("\n");
  const at = lines.findIndex((line) => line.startsWith("FAILED "));
  return (lines.slice(at + 1).find((line) => line.startsWith("Error: ")) ?? lines[at + 1] ?? "").slice(
    0,
    160,
  );
}
