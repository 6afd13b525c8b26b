import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { cliEnvironment, cliProgram, Workspace } from "./support/cli.js";

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

  it("stops on Ctrl-C with exit code 130, without a result of the test under way, and leaves nothing behind", async () => {
    const child = spawn(process.execPath, [cliProgram, "test", "--path", "stopped"], {
      cwd: workspace.folder,
      env: cliEnvironment(workspace.folder),
      stdio: ["ignore", "pipe", "pipe"],
    });
    let printed = "";
    child.stdout.on("data", (piece) => {
      printed += piece;
    });
    const errors = text(child.stderr);
    await once(child.stdout, "data");
    // The process gets what its group gets as well.
    child.kill("SIGINT");
    child.kill("SIGINT");
    expect((await once(child, "close"))[0]).to.equal(130);
    expect(printed).to.match(/^✓ Test 1 passed: [^\n]*\n$/);
    expect(await errors).to.equal("Interrupted\n");
    expect(await readdir(workspace.folder)).not.to.include("stopped");
  });
});
