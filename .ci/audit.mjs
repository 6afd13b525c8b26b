/** Fails where `npm audit` finds anything. Some registries offer no audit: then it says so, and is content. */

import { spawnSync } from "node:child_process";

const { stdout } = spawnSync("npm", ["audit", "--json"], { encoding: "utf8" });
const report = JSON.parse(stdout);
if (report.error !== undefined) {
  console.log(`This registry offers no audit (${report.message ?? report.error.summary}).`);
} else {
  const { total } = report.metadata.vulnerabilities;
  console.log(`${total} known vulnerabilities in ${report.metadata.dependencies.total} packages`);
  for (const { name, severity } of Object.values(report.vulnerabilities)) {
    console.log(`${severity}: ${name}`);
  }
  process.exitCode = total === 0 ? 0 : 1;
}
