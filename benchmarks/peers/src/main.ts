/** Compares FastKV with other stores: `npm run bench:peers -- --help`. */

import { writeFileSync } from "node:fs";
import { renderPage } from "./report/page.js";
import { Summary } from "./report/summary.js";
import { textReport } from "./report/text.js";
import { type Run, Runner } from "./run/runner.js";
import { parseSettings, type Settings, usage } from "./run/settings.js";

function readSettings(): Settings | "help" {
  try {
    return parseSettings(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
}

async function main(): Promise<void> {
  const settings = readSettings();
  if (settings === "help") {
    process.stdout.write(usage);
    return;
  }
  // Called after each round, so that an aborted run leaves results.
  const write = (run: Run): void => {
    if (settings.json !== undefined) {
      writeFileSync(settings.json, `${JSON.stringify(run, undefined, 1)}\n`);
    }
    if (settings.report !== undefined) {
      writeFileSync(settings.report, renderPage(new Summary(run)));
    }
  };
  const run = await new Runner(settings, (line) => process.stderr.write(`${line}\n`)).run(write);
  write(run);
  process.stdout.write(`${await textReport(new Summary(run))}\n`);
  if (run.failures.length > 0) {
    process.exitCode = 1;
  }
}

// An interrupted run removes its files, too.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => process.exit(130));
}

await main();
