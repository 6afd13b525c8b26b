import { writeFile } from "node:fs/promises";
import { expect } from "chai";
import { cliProgram, Workspace } from "./support/cli.js";
import { loadedModules, measureStart, moduleTraceEnvironment, type StartCost } from "./support/start-cost.js";

const maxHelpMs = 400;
/**
 * What stands for the limit on a machine that is busy with other work: the processor's time, in starts of a bare Node
 * measured in the same run. (`--help` takes about three; an imported library would make it five.)
 */
const maxHelpInBareStarts = 4;
const rounds = 10;
/** Nearly all of them are oclif's own. */
const maxHelpModules = 160;

/** What commands may load or not, each known by its modules. */
const parts: Record<string, RegExp> = {
  library: /\/dist\/coordinator\/|\/node_modules\/(node-ipc|msgpackr)\//,
  "one-shot commands": /plugin-shell\/dist\/one-shot/,
  shell: /plugin-shell\/dist\/shell\//,
  terminal: /plugin-shell\/dist\/shell\/(terminal|typed|history|completion)/,
  imports: /plugin-shell\/dist\/import\/(?!request|source-failure)/,
  transfers: /plugin-shell\/dist\/bulk\/(load|read-entries)/,
  "JSON parser": /streamparser/,
  "progress bars": /\/node_modules\/cli-progress\//,
  tables: /\/node_modules\/cli-table3\//,
  "self-test": /plugin-test\/dist/,
  benchmark: /plugin-benchmark\/dist/,
  report: /plugin-benchmark\/dist\/report/,
  "plugins of others": /plugin-plugins\/lib|\/node_modules\/npm\//,
  autocomplete: /plugin-autocomplete\/lib/,
};

describe("the start of fastkv", () => {
  let workspace: Workspace;
  before(async () => {
    workspace = await Workspace.create();
    await writeFile(workspace.path("lines.jsonl"), '["a",1]\n');
    await writeFile(workspace.path("array.json"), '[["a",1]]');
  });
  after(() => workspace.remove());

  it(`answers --help in under ${maxHelpMs} ms`, () => {
    const bare: StartCost[] = [];
    const help: StartCost[] = [];
    for (let round = 0; round < rounds && !help.some(({ wallMs }) => wallMs < maxHelpMs); round++) {
      bare.push(measureStart(["-e", ""], workspace.folder));
      help.push(measureStart([cliProgram, "--help"], workspace.folder));
    }
    const least = (costs: StartCost[]): number => Math.min(...costs.map(({ processorMs }) => processorMs));
    const isInTime = help.some(({ wallMs }) => wallMs < maxHelpMs);
    expect(
      isInTime || least(help) < maxHelpInBareStarts * least(bare),
      `--help: ${JSON.stringify(help)}, node: ${JSON.stringify(bare)}`,
    ).to.equal(true);
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
      "import",
      "verify",
      "repair",
    ]) {
      expect(stdout).to.match(new RegExp(`^  ${name} `, "m"));
    }
  });

  describe("loads", () => {
    async function loaded(command: string, input = ""): Promise<string[]> {
      const args = command.split(" ");
      const { code, stderr } = await workspace.run(args, { input, env: moduleTraceEnvironment });
      const modules = loadedModules(stderr);
      expect(code, stderr.replace(/^module .*\n/gm, "")).to.equal(0);
      expect(modules.some((name) => name.endsWith("oclif-cli/dist/main.js"))).to.equal(true);
      return modules;
    }

    const oneShot = ["library", "one-shot commands"];
    const cases: [command: string, used: string[], input?: string][] = [
      ["--version", []],
      ["--help", []],
      ["help shell", []],
      ["benchmark --help", []],
      ["import --help", []],
      ["put b 1 --path put", oneShot],
      ["stats --path d", oneShot],
      ["scan --path d", oneShot],
      ["export --path d", oneShot],
      ["bulk lines.jsonl --path lines", [...oneShot, "transfers"]],
      ["bulk array.json --path array", [...oneShot, "transfers", "JSON parser"]],
      ["shell --path d", ["library", "shell", "transfers"], "put c 1\nget c\n"],
      ["shell --path shards", ["library", "shell", "transfers", "tables"], "shards\n"],
      ["plugins", ["plugins of others"]],
      ["benchmark --records 10 --workload scan --json", ["library", "benchmark"]],
    ];
    before(() => workspace.run(["put", "a", "1", "--path", "d"]));
    for (const [command, used, input] of cases) {
      it(`${used.join(", ") || "nothing of ours"} for ${command}`, async () => {
        const modules = await loaded(command, input);
        const found = Object.keys(parts).filter((part) => modules.some((name) => parts[part]!.test(name)));
        expect(found).to.have.members(used);
      });
    }

    it(`at most ${maxHelpModules} modules for --help`, async () => {
      expect(await loaded("--help"))
        .to.have.length.above(10)
        .and.at.most(maxHelpModules);
    });
  });

  it("tells versions, and guesses a command that was meant", async () => {
    expect((await workspace.run(["--version"])).stdout).to.match(/^fastkv-cli\/\d+\.\d+\.\d+ /);
    const { code, stderr } = await workspace.run(["benchmrk"]);
    expect(code).to.equal(127);
    expect(stderr).to.contain("Did you mean benchmark?");
    const ofShell = await workspace.run(["count", "--path", "./d"]);
    expect(ofShell.code).to.equal(127);
    expect(ofShell.stderr).to.contain("pipe it: echo 'count' | fastkv shell --path DIR");
    for (const [word, hint] of [
      ["ls", "Did you mean scan?"],
      [
        "exists",
        "Did you mean has? It is one of the shell: type it in fastkv shell --path DIR, or pipe it: echo 'has a'",
      ],
      ["clear", "Only a program can clear a range, with db.clear(); delete removes one key."],
    ] as const) {
      const unknown = await workspace.run([word, "a", "--path", "./d"]);
      expect(unknown.code).to.equal(127);
      expect(unknown.stderr).to.contain(`${word} a: not a command of fastkv. ${hint}`);
    }
    const path = await workspace.run(["shell", "./d"]);
    expect(path.code).to.equal(2);
    expect(path.stderr).to.contain("Unexpected argument: ./d");
    expect(path.stderr).to.contain("a database is given with --path DIR");
  });

  it("says in the help of what is no command the same as without it", async () => {
    for (const [line, hint] of [
      ["shel", "Did you mean shell?"],
      ["plugins instal", "Did you mean plugins install?"],
      ["frobnicate", "fastkv help lists the commands."],
      ["verify x", "fastkv verify --help says how it is used; a database is given with --path DIR."],
    ] as const) {
      const help = await workspace.run(["help", ...line.split(" ")]);
      expect(help).to.deep.include({ code: 127, stdout: "" });
      expect(help.stderr).to.equal(`Error: ${line}: not a command of fastkv. ${hint}\n`);
    }
  });

  it("says where flags stand that were given in front of the command", async () => {
    for (const flag of ["--path", "--path=./d", "-p"]) {
      const early = await workspace.run([flag, "./d", "get", "a"]);
      expect(early).to.deep.include({ code: 2, stdout: "" });
      expect(early.stderr).to.equal(
        `Error: ${flag.replace("=./d", "")}: flags stand behind the command, as in fastkv get KEY --path DIR\n`,
      );
    }
  });

  it("prints a script for completion, and explains a command", async () => {
    const [script, help] = await Promise.all([
      workspace.run(["autocomplete", "script", "bash"]),
      workspace.run(["help", "scan"]),
    ]);
    expect(script.stdout).to.match(/FASTKV_AC_BASH_SETUP_PATH=.*bash_setup/);
    expect(help.stdout).to.contain("--prefix");
  });
});
