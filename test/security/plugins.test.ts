import fs from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { Workspace } from "../cli/support/cli.js";

describe("Plugins of the command line", function () {
  this.timeout(60_000);
  let workspace: Workspace;
  before(async () => {
    workspace = await Workspace.create();
  });
  after(() => workspace.remove());

  /** A package that says on disk that it was loaded. */
  function plant(folder: string, name: string): void {
    const where = path.join(folder, "node_modules", name);
    fs.mkdirSync(path.join(where, "commands"), { recursive: true });
    const ran = `require("node:fs").writeFileSync(${JSON.stringify(workspace.path("ran"))}, "");`;
    fs.writeFileSync(
      path.join(where, "package.json"),
      JSON.stringify({
        name,
        version: "1.0.0",
        main: "index.js",
        oclif: { commands: "./commands", hooks: { init: "./index.js" } },
      }),
    );
    fs.writeFileSync(path.join(where, "index.js"), `${ran} module.exports = async () => {};`);
    fs.writeFileSync(
      path.join(where, "commands", "planted.js"),
      `${ran} module.exports = class { static run() {} };`,
    );
  }

  it("are those that came with it or were installed by name, and never what lies around", async () => {
    const cwd = workspace.path("project");
    fs.mkdirSync(cwd);
    const names = ["fastkv-plugin-planted", "@fastkv/plugin-planted", "@oclif/plugin-planted"];
    for (const folder of [cwd, workspace.folder, workspace.path("data/fastkv")]) {
      for (const name of names) {
        plant(folder, name);
      }
    }
    fs.writeFileSync(
      path.join(cwd, "package.json"),
      JSON.stringify({
        name: "project",
        dependencies: Object.fromEntries(names.map((name) => [name, "1.0.0"])),
        oclif: { plugins: names },
      }),
    );
    const listed = await workspace.run(["plugins", "--core"], { cwd });
    expect(listed.stdout).to.include("fastkv-plugin-shell").and.not.include("planted");
    const planted = await workspace.run(["planted"], { cwd });
    expect(planted.code).to.not.equal(0);
    expect((await workspace.run(["put", "a", "1", "--path", "db"], { cwd })).code).to.equal(0);
    expect(fs.existsSync(workspace.path("ran"))).to.equal(false);
  });
});
