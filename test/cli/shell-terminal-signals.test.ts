import { expect } from "chai";
import { cliProgram, Workspace } from "./support/cli.js";
import { TestTerminal } from "./support/terminal.js";

describe("the shell whose terminal stops it, or goes away", () => {
  let workspace: Workspace;
  before(async () => {
    workspace = await Workspace.create();
  });
  after(async () => {
    TestTerminal.killAll();
    await workspace.remove();
  });

  it("takes keys again after Ctrl-Z and fg, and still has the line that was begun", async () => {
    const terminal = new TestTerminal(workspace.folder, ["-i"], {}, ["sh"]);
    terminal.type(`"${process.execPath}" "${cliProgram}" shell --path ./stopped\r`);
    await terminal.shows(/^fastkv>$/m);
    for (const value of ["1", "2"]) {
      terminal.type("put back ");
      await terminal.shows(/fastkv> put back$/);
      terminal.type("\x1a");
      await terminal.shows("Stopped");
      await terminal.clear();
      terminal.type("fg\r");
      await terminal.shows(/fastkv> put back$/);
      await terminal.command(value);
      await terminal.command("get back");
      expect(terminal.lines().at(-2)).to.equal(value);
    }
    terminal.type("nothing\x03");
    await terminal.shows(/nothing\^C\nfastkv>$/);
    terminal.type("\x04");
    await terminal.shows("Database closed");
    terminal.type("exit\r");
    expect(await terminal.exited).to.equal(0);
  });

  it("closes the database when its window is closed, and ends by SIGHUP", async () => {
    for (const busy of [false, true]) {
      const terminal = new TestTerminal(workspace.folder, ["shell", "--path", "./closed"]);
      await terminal.shows(/fastkv>$/);
      await terminal.command("put last 1");
      if (busy) {
        terminal.type("shards\r");
        await terminal.shows("memtable");
      }
      terminal.hangUp();
      expect(await terminal.exited).to.equal(129);
      const verified = await workspace.run(["verify", "--path", "./closed", "--json"]);
      expect(verified.code, verified.stderr).to.equal(0);
      expect(JSON.parse(verified.stdout)).to.include({ wasClosed: true });
    }
  });
});
