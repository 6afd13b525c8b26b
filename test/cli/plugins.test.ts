import { join } from "node:path";
import { expect } from "chai";
import { cliFolder, Workspace } from "./support/cli.js";

describe("plugins of other people", () => {
  let workspace: Workspace;
  before(async () => {
    workspace = await Workspace.create();
    await workspace.run(["bulk", "-", "--path", "d"], { input: '["a","x"]\n["b","xxxx"]\n["c","xx"]\n' });
    const linked = await workspace.run([
      "plugins",
      "link",
      "--no-install",
      join(cliFolder, "example-plugin"),
    ]);
    expect(linked.code, linked.stderr).to.equal(0);
  });
  after(() => workspace.remove());

  it("are listed, and stand in the help", async () => {
    expect((await workspace.run(["plugins"])).stdout).to.contain("fastkv-plugin-example");
    expect((await workspace.run(["--help"])).stdout).to.match(/^ {2}largest /m);
  });

  it("use an open database through the host", async () => {
    const { code, stdout, stderr } = await workspace.run(["largest", "--count", "2", "--path", "d"]);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: "" });
    expect(stdout).to.equal('{"key":"b","characters":6}\n{"key":"c","characters":4}\n');
  });

  it("fail as clearly as the others", async () => {
    const { code, stdout, stderr } = await workspace.run(["largest", "--path", "nowhere"]);
    expect({ code, stdout }).to.deep.equal({ code: 2, stdout: "" });
    expect(stderr).to.match(/^Error: .*nowhere.*\n$/);
  });
});
