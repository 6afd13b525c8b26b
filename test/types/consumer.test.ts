/** Other people's programs against the declarations, every one of which is checked, as their compilers do it. */

import { execFile } from "node:child_process";
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect } from "chai";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const run = promisify(execFile);

const program = `
import { FastKV } from "fastkv";
import { FastKVLevel } from "fastkv/abstract-level";

export async function main(): Promise<string | undefined> {
  await using db = await FastKV.open<{ name: string }>("./db");
  await using level = new FastKVLevel("./level");
  return (await db.get("a"))?.name ?? (await level.get("b"));
}
`;

describe("The declarations", () => {
  const folder = useTemporaryFolder();

  it("name no type that TypeScript 5.2 or Node's types of that time do not have", () => {
    const files = ["coordinator", "shared"]
      .flatMap((part) =>
        readdirSync(`${root}dist/${part}`, { recursive: true, encoding: "utf8" }).map(
          (file) => `dist/${part}/${file}`,
        ),
      )
      .filter((file) => file.endsWith(".d.ts"));
    expect(files).to.have.length.above(50);
    const generic = files.filter((file) =>
      /Buffer<|Array<Array/.test(readFileSync(`${root}${file}`, "utf8")),
    );
    expect(generic).to.deep.equal([]);
  });

  for (const [module, moduleResolution, ...files] of [
    ["nodenext", "nodenext", "module.mts", "common.cts"],
    ["esnext", "bundler", "module.mts"],
  ]) {
    it(`serve a strict program with module ${module} and resolution ${moduleResolution}`, async () => {
      symlinkSync(`${root}node_modules`, `${folder()}/node_modules`);
      for (const file of files) {
        writeFileSync(`${folder()}/${file}`, program);
      }
      const settings = `--noEmit --strict --target es2022 --lib es2023,esnext.disposable --types node`.split(
        " ",
      );
      const how = ["--module", module!, "--moduleResolution", moduleResolution!];
      const compiler = [`${root}node_modules/typescript/bin/tsc`, ...settings, ...how, ...files];
      // The compiler says on its standard output what is wrong, and then exits with a code.
      const { stdout } = await run(process.execPath, compiler, { cwd: folder(), timeout: 50_000 }).catch(
        ({ stdout, message }: { stdout: string; message: string }) => ({ stdout: stdout || message }),
      );
      expect(stdout).to.equal("");
    });
  }
});
