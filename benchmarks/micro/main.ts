/**
 * What the parts of the store cost on their own, in microseconds per operation, on the records of the peers'
 * comparison: shows where the time of a call goes. `npm run bench:micro -- --help`
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

function refuse(message: string): never {
  process.stderr.write(`${message}\n\n${usage}`);
  process.exit(2);
}

function parseArguments(): { json?: string; help?: boolean; names: string[] } {
  try {
    const { values, positionals } = parseArgs({
      options: { json: { type: "string" }, help: { type: "boolean" } },
      allowPositionals: true,
    });
    return { ...values, names: positionals };
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function line(part: string, ...figures: string[]): string {
  return part.padEnd(56) + figures.map((figure) => figure.padStart(10)).join("");
}

async function main(): Promise<void> {
  const { json, help, names } = parseArguments();
  if (help === true) {
    print(usage);
    return;
  }
  const unknown = names.find((name) => groups[name] === undefined);
  if (unknown !== undefined) {
    refuse(`There is no group "${unknown}"`);
  }
  const folder = mkdtempSync(path.join(os.tmpdir(), "fastkv-micro-"));
  const all: PartCost[] = [];
  try {
    print(`${os.cpus()[0]?.model.trim()}, ${os.cpus().length} cores, Node ${process.version}`);
    print(line("microseconds per operation", "median", "best", "worst"));
    for (const name of names.length > 0 ? names : Object.keys(groups)) {
      const costs = await groups[name]!(folder);
      all.push(...costs);
      for (const { part, medianUs, bestUs, worstUs } of costs) {
        print(line(part, ...[medianUs, bestUs, worstUs].map((us) => us.toFixed(3))));
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (json !== undefined) {
    writeFileSync(json, `${JSON.stringify(all, undefined, 1)}\n`);
  }
}

await main();
