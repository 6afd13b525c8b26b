/** What `fastkv import` says before it imports anything. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { useImports } from "../support/imports.js";

describe("fastkv import", () => {
  const imports = useImports();

  it("says what is wrong with its arguments", async () => {
    await imports().expectUnusable("--from leveldb nowhere", /Cannot read nowhere: ENOENT/);
    await imports().expectUnusable(
      `--from lmdb ${imports().workspace.folder} --table t`,
      /--table is for --from sqlite/,
    );
    await imports().expectUnusable(
      `--from sqlite ${imports().workspace.folder} --encoding msgpack`,
      /is for --from lmdb/,
    );
    const { code, stderr } = await imports().run("--from redis nowhere --path x");
    expect(code).to.equal(2);
    expect(stderr).to.contain("leveldb, lmdb, sqlite");
  });

  it("takes the package of the folder it works in first, and says why it does not load", async () => {
    const project = imports().workspace.path("project");
    mkdirSync(join(project, "node_modules/lmdb"), { recursive: true });
    writeFileSync(join(project, "node_modules/lmdb/index.js"), 'throw new Error("built for another Node");');
    await imports().expectUnusable(
      `--from lmdb ${project}`,
      /^Error: The package lmdb does not load: built for another Node\. Install it with: npm install lmdb /,
      project,
    );
  });
});
