import { chmod, mkdir, writeFile } from "node:fs/promises";
import { expect } from "chai";
import { cliProgram, Workspace } from "./support/cli.js";
import { TestTerminal } from "./support/terminal.js";

describe("the completion of fastkv's commands in bash", () => {
  let workspace: Workspace;
  before(async () => {
    workspace = await Workspace.create();
    await mkdir(workspace.path("bin"));
    await writeFile(
      workspace.path("bin/fastkv"),
      `#!/bin/sh\nexec '${process.execPath}' '${cliProgram}' "$@"\n`,
    );
    await chmod(workspace.path("bin/fastkv"), 0o755);
  });
  after(async () => {
    TestTerminal.killAll();
    await workspace.remove();
  });

  it("works on Tab once its script is loaded, for a user who never had it", async () => {
    const env = { PATH: `${workspace.path("bin")}:${process.env.PATH}`, PS1: "ready> " };
    const bash = ["bash", "--norc", "--noprofile"] as const;
    const terminal = new TestTerminal(workspace.folder, [], env, bash);
    await terminal.shows(/ready>$/);
    terminal.type('eval "$(fastkv autocomplete script bash)"; echo loaded\r');
    await terminal.shows(/\nloaded\nready>$/);
    terminal.type("fastkv benc\t");
    await terminal.shows(/ready> fastkv benchmark$/);
    terminal.type("--rep\t");
    await terminal.shows(/ready> fastkv benchmark --report$/);
    terminal.type("\x15fastkv plugins inst\t");
    await terminal.shows(/ready> fastkv plugins install$/);
    // Two Tabs list what is possible.
    terminal.type("\x15fastkv s");
    terminal.type("\t\t");
    await terminal.shows(/\nscan +shell +stats\s*\nready> fastkv s$/);
    // What bash would do without the script.
    await writeFile(workspace.path("places.jsonl"), "");
    await mkdir(workspace.path("databases"));
    terminal.type("\x15fastkv bulk plac\t");
    await terminal.shows(/ready> fastkv bulk places.jsonl$/);
    terminal.type("--path datab\t");
    await terminal.shows(/ready> fastkv bulk places.jsonl --path databases\/$/);
    terminal.type("\x15exit\r");
    expect(await terminal.exited).to.equal(0);
  });
});
