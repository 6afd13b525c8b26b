/**
 * What the parts of the store cost alone, in microseconds for one operation, on the records of the peers' comparison:
 * to say where the time of a call goes. `npm run bench:micro -- --help`
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { codecParts } from "./codec-parts.js";
import { frameParts } from "./frame-parts.js";
import type { PartCost } from "./measure.js";
import { memtableParts } from "./memtable-parts.js";
import { blockParts, bloomParts, tableParts } from "./table-parts.js";
import { walParts } from "./wal-parts.js";

const groups: Record<string, (folder: string) => PartCost[] | Promise<PartCost[]>> = {
  codec: codecParts,
  frame: frameParts,
  memtable: memtableParts,
  block: blockParts,
  bloom: bloomParts,
  table: tableParts,
  wal: walParts,
};

const usage = `Usage: npm run bench:micro -- [group ...] [options]

Groups (default: all): ${Object.keys(groups).join(", ")}

  --json FILE   all costs, in microseconds
`;

interface Settings {
  groups: string[];
  json: string | undefined;
}

function parseSettings(args: readonly string[]): Settings | "help" {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { json: { type: "string" }, help: { type: "boolean" } },
    allowPositionals: true,
  });
  if (values.help === true) {
    return "help";
  }
  const unknown = positionals.find((name) => groups[name] === undefined);
  if (unknown !== undefined) {
    throw new Error(`There is no group "${unknown}"`);
  }
  return { groups: positionals.length > 0 ? positionals : Object.keys(groups), json: values.json };
}

function readSettings(): Settings | "help" {
  try {
    return parseSettings(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function line(part: string, ...figures: string[]): string {
  return part.padEnd(56) + figures.map((figure) => figure.padStart(10)).join("");
}

async function main(): Promise<void> {
  const settings = readSettings();
  if (settings === "help") {
    process.stdout.write(usage);
    return;
  }
  const folder = mkdtempSync(path.join(os.tmpdir(), "fastkv-micro-"));
  const all: PartCost[] = [];
  try {
    print(`${os.cpus()[0]?.model.trim()}, ${os.cpus().length} cores, Node ${process.version}`);
    print(line("microseconds per operation", "median", "best", "worst"));
    for (const name of settings.groups) {
      const costs = await groups[name]!(folder);
      all.push(...costs);
      for (const { part, medianUs, bestUs, worstUs } of costs) {
        print(line(part, ...[medianUs, bestUs, worstUs].map((us) => us.toFixed(3))));
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (settings.json !== undefined) {
    writeFileSync(settings.json, `${JSON.stringify(all, undefined, 1)}\n`);
  }
}

await main();
