import { readdir } from "node:fs/promises";
import { expect } from "chai";
import { Workspace } from "./support/cli.js";

describe("fastkv test", () => {
  let workspace: Workspace;
  before(async () => {
    workspace = await Workspace.create();
  });
  after(() => workspace.remove());

  it("passes, line by line, and leaves nothing behind", async () => {
    const { code, stdout, stderr } = await workspace.run(["test", "--path", "scratch/deep"]);
    expect(stderr).to.equal("");
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).to.match(/^✓ Test 1 passed: Basic operations \(\d/);
    for (const [index, line] of lines.slice(0, -1).entries()) {
      expect(line).to.match(new RegExp(`^✓ Test ${index + 1} passed: .+ \\(.+ m?s\\)$`));
    }
    expect(lines.at(-1)).to.equal("All tests passed! ✅");
    expect(lines.length).to.be.above(10);
    expect(code).to.equal(0);
    expect(await readdir(workspace.folder), "folders that were not there before").not.to.include("scratch");
  });
});
