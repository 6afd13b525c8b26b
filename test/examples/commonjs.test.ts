/** Programs that are no ES modules: `require` loads the package as it is, since nothing in it awaits at the top level. */

import { execFile } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect } from "chai";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const run = promisify(execFile);

const program = `
const { FastKV, FastKVError } = require("fastkv");
const { FastKVLevel } = require("fastkv/abstract-level");

async function main() {
  const db = await FastKV.open("./common");
  await db.put("a", { n: 1 });
  console.log(await db.get("a"), await db.put("b", undefined).catch((error) => error instanceof FastKVError));
  await db.close();
  const level = new FastKVLevel("./level");
  await level.put("a", "text");
  console.log(await level.get("a"));
  await level.close();
  const { FastKV: imported } = await import("fastkv");
  console.log(imported === FastKV);
}

main();
`;

describe("A CommonJS program", () => {
  const folder = useTemporaryFolder();

  it("requires the package, and gets what import gives", async () => {
    const file = `${folder()}/program.cjs`;
    symlinkSync(`${root}node_modules`, `${folder()}/node_modules`);
    writeFileSync(file, program);
    // Node 22.12 warns that it is experimental to require an ES module.
    const args = ["--disable-warning=ExperimentalWarning", file];
    const { stdout, stderr } = await run(process.execPath, args, { cwd: folder(), timeout: 30_000 });
    expect(stderr).to.equal("");
    expect(stdout).to.equal("{ n: 1 } true\ntext\ntrue\n");
  });
});
