import { execFileSync } from "node:child_process";
import { performance } from "node:perf_hooks";
import { expect } from "chai";
import { cliEnvironment, cliProgram, Workspace } from "./support/cli.js";

const maxHelpMs = 400;
/** On a machine that is busy with other work, even a bare Node starts slowly: then this many of its starts count. */
const maxBareStarts = 4;

/** Prints the URL of each module that is imported. */
const traceImports = `data:text/javascript,${encodeURIComponent(
  `import { register } from "node:module";
   register("data:text/javascript," + encodeURIComponent(
     "export async function load(url, context, next) { process._rawDebug('import ' + url); return next(url, context); }"
   ));`,
)}`;

describe("the start of fastkv", () => {
  let workspace: Workspace;
  before(async () => {
    workspace = await Workspace.create();
  });
  after(() => workspace.remove());

  async function imports(...args: string[]): Promise<string> {
    const { stderr } = await workspace.run(args, { env: { NODE_OPTIONS: `--import ${traceImports}` } });
    return stderr;
  }

  it("answers --help in good time", async () => {
    const timesMs: number[] = [];
    let isInTime = false;
    for (let round = 0; round < 10 && !isInTime; round++) {
      const bareMs = timeOf(["-e", ""]);
      const helpMs = timeOf([cliProgram, "--help"]);
      timesMs.push(helpMs);
      isInTime = helpMs < Math.max(maxHelpMs, bareMs * maxBareStarts);
    }
    expect(isInTime, `--help took ${timesMs.map(Math.round).join(", ")} ms`).to.equal(true);
  });

  it("lists every command in the help", async () => {
    const { code, stdout } = await workspace.run(["--help"]);
    expect(code).to.equal(0);
    for (const name of [
      "shell",
      "test",
      "benchmark",
      "get",
      "put",
      "delete",
      "scan",
      "stats",
      "bulk",
      "export",
      "verify",
      "repair",
    ]) {
      expect(stdout).to.match(new RegExp(`^  ${name} `, "m"));
    }
  });

  function timeOf(args: string[]): number {
    const startedMs = performance.now();
    execFileSync(process.execPath, args, { env: cliEnvironment(workspace.folder), stdio: "pipe" });
    return performance.now() - startedMs;
  }

  it("imports no command and no library for --help", async () => {
    const urls = await imports("--help");
    expect(urls).to.contain("oclif-cli/dist/main.js");
    expect(urls).not.to.match(/plugin-(shell|test|benchmark)\/dist|coordinator|plugin-plugins|streamparser/);
  });

  it("imports for a command what it uses, and no more", async () => {
    await workspace.run(["put", "a", "1", "--path", "d"]);
    const urls = await imports("get", "a", "--path", "d");
    expect(urls).to.contain("plugin-shell/dist/commands/get.js");
    expect(urls).not.to.match(
      /plugin-(test|benchmark)\/dist|dist\/shell\/|streamparser|cli-progress|cli-table3/,
    );
  });

  it("tells versions, and guesses a command that was meant", async () => {
    expect((await workspace.run(["--version"])).stdout).to.match(/^fastkv-cli\/\d+\.\d+\.\d+ /);
    const { code, stderr } = await workspace.run(["benchmrk"]);
    expect(code).to.equal(127);
    expect(stderr).to.contain("Did you mean benchmark?");
  });

  it("prints a script for completion", async () => {
    const { stdout } = await workspace.run(["autocomplete", "bash"]);
    expect(stdout).to.contain("autocomplete");
    expect((await workspace.run(["help", "scan"])).stdout).to.contain("--prefix");
  });
});
