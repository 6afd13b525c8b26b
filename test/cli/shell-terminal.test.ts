import { readFile, stat, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { Workspace } from "./support/cli.js";
import { TestTerminal } from "./support/terminal.js";

const transcript = `Database opened at ./testdb
fastkv> put config:app_name "MyApp"
OK
fastkv> put user:1001 '{"name": "Alice", "active": true}'
OK
fastkv> get user:1001
{
  "name": "Alice",
  "active": true
}
fastkv> scan user:
user:1001: {"name": "Alice", "active": true}
Total: 1 items
fastkv> scan "" 5
config:app_name: "MyApp"
user:1001: {"name": "Alice", "active": true}
Total: 2 items
fastkv> bulk data.json
Loaded 5 items
fastkv> exit
Goodbye!
Database closed`;

const data =
  '[["key1", "value1"], ["key2", {"nested": "data"}], ["key3", 3], ["key4", null], ["key5", [1, 2]]]';

describe("the shell at a terminal", () => {
  let workspace: Workspace;
  before(async () => {
    workspace = await Workspace.create();
    await writeFile(workspace.path("data.json"), data);
  });
  after(async () => {
    TestTerminal.killAll();
    await workspace.remove();
  });

  it("gives the transcript of the documentation to the letter", async () => {
    const terminal = new TestTerminal(workspace.folder, ["shell", "--path", "./testdb"]);
    await terminal.shows(/fastkv>$/);
    for (const line of transcript.split("\n").filter((text) => text.startsWith("fastkv> "))) {
      const command = line.slice("fastkv> ".length);
      if (command === "exit") {
        terminal.type("exit\r");
      } else {
        await terminal.command(command);
      }
    }
    expect(await terminal.exited).to.equal(0);
    await terminal.shows("Database closed");
    expect(terminal.text()).to.equal(transcript);
  });

  it("keeps its history in a file of mode 0600, and offers it again", async () => {
    const file = workspace.path("data/fastkv/shell-history");
    expect((await stat(file)).mode & 0o777).to.equal(0o600);
    expect(await readFile(file, "utf8")).to.contain('scan user:\nscan "" 5\nbulk data.json\nexit\n');
    const terminal = new TestTerminal(workspace.folder, ["shell", "--path", "./testdb"]);
    await terminal.shows(/^Database opened at \.\/testdb\nfastkv>$/);
    terminal.type("\x1b[A\x1b[A");
    await terminal.shows("fastkv> bulk data.json");
    terminal.type("\x15 count\r");
    await terminal.shows("\n7\n");
    terminal.type("\x04");
    expect(await terminal.exited).to.equal(0);
    expect(await readFile(file, "utf8"), "a line that begins with a blank").not.to.contain("count");
  });

  it("keeps no history with --no-history", async () => {
    const file = workspace.path("data/fastkv/shell-history");
    const before = await readFile(file, "utf8");
    const terminal = new TestTerminal(workspace.folder, ["shell", "--path", "./testdb", "--no-history"]);
    await terminal.shows(/fastkv>$/);
    await terminal.command("has key1");
    terminal.type("\x04");
    expect(await terminal.exited).to.equal(0);
    expect(await readFile(file, "utf8")).to.equal(before);
  });

  describe("in a session", () => {
    let terminal: TestTerminal;
    before(async () => {
      terminal = new TestTerminal(workspace.folder, ["shell", "--path", "./testdb"]);
      await terminal.shows(/fastkv>$/);
      await terminal.command("bulk data.json");
      await terminal.command(`put config:app_name "MyApp"`);
    });
    afterEach(async () => {
      // Ctrl-C drops what a test left on the line. The prompt that follows it, and no earlier one, says that it was heard.
      await terminal.clear();
      terminal.type("\x03");
      await terminal.shows(/\^C\n(.*\n)*fastkv>$/);
      await terminal.clear();
      await terminal.command("");
    });
    after(async () => {
      terminal.type("exit\r");
      expect(await terminal.exited).to.equal(0);
    });

    it("completes commands and keys on Tab", async () => {
      terminal.type("ge\t");
      await terminal.shows("fastkv> get");
      terminal.type("config\t");
      await terminal.shows("fastkv> get config:app_name");
      terminal.type("\r");
      await terminal.shows('"MyApp"');
      await delay(50);
      terminal.type("get key");
      for (let tab = 0; tab < 2; tab++) {
        await delay(100);
        terminal.type("\t");
      }
      await terminal.shows(/key1 +key2 +key3 +key4 +key5/);
    });

    it("drops the line on Ctrl-C, and stays", async () => {
      terminal.type("put half\x03");
      await terminal.shows("fastkv> put half^C\nfastkv>");
      terminal.type("\x03");
      await terminal.shows("To leave, press Ctrl-D or type exit\nfastkv>");
      await terminal.command("has key1");
      expect(terminal.text()).to.contain("fastkv> has key1\ntrue");
    });

    it("stops the running command on Ctrl-C, and stays", async () => {
      const many = Array.from({ length: 200_000 }, (_, index) =>
        JSON.stringify([`many:${index}`, "x".repeat(20)]),
      );
      await writeFile(workspace.path("many.jsonl"), many.join("\n"));
      await terminal.command("bulk many.jsonl");
      terminal.type("scan many:\r");
      await terminal.shows("many:1");
      terminal.type("\x03");
      await terminal.shows(/Interrupted\nfastkv>$/);
      expect(terminal.text()).not.to.contain("Total: 200000 items");
      await terminal.command("count many:");
      expect(terminal.lines()).to.include("200000");
    });

    it("goes on over lines while quotes are open", async () => {
      terminal.type("put note 'two\r");
      await terminal.shows(/\n>$/);
      await terminal.command("lines'");
      await terminal.command("get note");
      expect(terminal.text()).to.contain('"two\\nlines"');
    });

    it("runs pasted lines one by one, each with its prompt above its answer", async () => {
      await terminal.clear();
      terminal.type("\rput p:1 1\rput p:2 'two\rlines'\r\nscan p:\rdelete p:1\tx\r");
      await terminal.shows(/Too many words for delete.*\n.*fastkv>$/s);
      expect(terminal.text()).to.contain(`
fastkv> put p:1 1
OK
fastkv> put p:2 'two
> lines'
OK
fastkv> scan p:
p:1: 1
p:2: "two\\nlines"
Total: 2 items
fastkv> delete p:1 x
Error: Too many words for delete`);
    });

    it("drops on Ctrl-C what was typed while a command ran", async () => {
      await terminal.command("put after 0");
      terminal.type("put after 1\r\x03");
      terminal.type("scan many:\rput after 2\r");
      await terminal.shows("many:1");
      terminal.type("\x03");
      await terminal.shows(/Interrupted\nfastkv>$/);
      await terminal.command("get after");
      expect(terminal.lines().at(-2)).to.equal("0");
    });

    it("breaks its help between words in a narrow window", async () => {
      await terminal.resize(40, 40);
      await terminal.command("help");
      expect(terminal.text()).to.contain("has       tell whether a key is there:\n          true or false\n");
      await terminal.resize(100, 40);
    });

    it("redraws a long line when the window changes", async () => {
      terminal.type(`put long ${"x".repeat(120)}`);
      await terminal.shows("x".repeat(120));
      await terminal.resize(60, 30);
      terminal.type("y");
      await terminal.shows(`${"x".repeat(120)}y`);
      await terminal.command("");
      await terminal.command("get long");
      expect(terminal.text()).to.contain(`"${"x".repeat(120)}y"`);
    });

    it("shows values so that they cannot drive the terminal", async () => {
      await terminal.command("put $'evil\\e[2J' $'\\e]0;title\\a\\e[31mred'");
      await terminal.command("scan evil");
      expect(terminal.text()).to.contain("$'evil\\x1b[2J': \"\\u001b]0;title\\u0007\\u001b[31mred\"");
      expect(terminal.raw).not.to.contain("\x1b[31mred");
      await terminal.command("get $'evil\\e[2J'");
      expect(terminal.raw).not.to.contain("\x1b]0;title");
      await terminal.command("delete $'evil\\e[2J'");
    });

    it("groups writes between batch and end", async () => {
      await terminal.command("batch");
      expect(terminal.lines().at(-1)).to.equal("fastkv(batch)>");
      await terminal.command("put b:1 1");
      await terminal.command("put b:2 2");
      await terminal.command("has b:1");
      expect(terminal.lines().at(-2)).to.equal("false");
      await terminal.command("end");
      expect(terminal.lines().at(-2)).to.equal("OK, 2 operations");
      await terminal.command("count b:");
      expect(terminal.lines().at(-2)).to.equal("2");
    });

    it("writes nothing of a batch in which a line is wrong", async () => {
      await terminal.command("batch");
      await terminal.command("put c:1 1");
      await terminal.command("delet c:2");
      await terminal.command("end");
      expect(terminal.lines().slice(-2)).to.deep.equal([
        "Error: The batch had an error and was not written: correct it and enter it again",
        "fastkv>",
      ]);
      await terminal.command("count c:");
      expect(terminal.lines().at(-2)).to.equal("0");
    });

    it("reads from a snapshot until its end", async () => {
      await terminal.command("put s 1");
      await terminal.command("snapshot");
      expect(terminal.lines().at(-1)).to.equal("fastkv(snapshot)>");
      await terminal.command("put s 2");
      await terminal.command("get s");
      expect(terminal.lines().at(-2)).to.equal("1");
      await terminal.command("snapshot end");
      await terminal.command("get s");
      expect(terminal.lines().at(-2)).to.equal("2");
    });

    it("shows a live table of the shards until a key is pressed", async () => {
      terminal.type("shards\r");
      await terminal.shows(/shard +pid +keys +memtable +levels +cache hits +restarts\n +0 +\d+/);
      await delay(1_200);
      expect(terminal.text().match(/cache hits/g), "the table is drawn in place").to.have.length(1);
      terminal.type("q");
      await terminal.shows(/\nfastkv>$/);
      await terminal.command("has key1");
      expect(terminal.text()).to.contain("fastkv> has key1\ntrue");
    });

    it("tells the time of each command, if asked", async () => {
      await terminal.command("time on");
      await terminal.command("get key1");
      expect(terminal.lines().at(-2)).to.match(/^\(\d+(\.\d+)? ms\)$/);
      await terminal.command("time off");
      await terminal.command("get key1");
      expect(terminal.lines().at(-2)).to.equal('"value1"');
    });

    it("explains its commands, and guesses what was meant", async () => {
      await terminal.command("help");
      expect(terminal.text()).to.match(/scan +list keys and values in order/);
      await terminal.command("help put");
      expect(terminal.text()).to.contain(
        "put KEY VALUE [--encoding json|msgpack|structured|binary] [--ttl TIME]",
      );
      await terminal.command("gte x");
      expect(terminal.text()).to.contain("Error: Unknown command: gte. Did you mean get?");
    });
  });

  it("leaves on Ctrl-D", async () => {
    const terminal = new TestTerminal(workspace.folder, ["shell", "--path", "./testdb"]);
    await terminal.shows(/fastkv>$/);
    terminal.type("\x04");
    expect(await terminal.exited).to.equal(0);
    await terminal.shows("fastkv>\nGoodbye!\nDatabase closed");
  });

  it("says what is not written where it is left within a batch", async () => {
    for (const leave of ["\x04", "exit\r"]) {
      const terminal = new TestTerminal(workspace.folder, ["shell", "--path", "./testdb"]);
      await terminal.shows(/fastkv>$/);
      await terminal.command("batch");
      await terminal.command("put left:1 1");
      await terminal.command("put left:2 2");
      terminal.type(leave);
      expect(await terminal.exited).to.equal(0);
      await terminal.shows(
        "Error: The batch was not ended: 2 operations not written\nGoodbye!\nDatabase closed",
      );
    }
    expect((await workspace.run(["get", "left:1", "--path", "./testdb"])).code).to.equal(1);
  });

  it("closes the database when the terminal goes away", async () => {
    const terminal = new TestTerminal(workspace.folder, ["shell", "--path", "./testdb"]);
    await terminal.shows(/fastkv>$/);
    await terminal.command("put last 1");
    terminal.kill("SIGHUP");
    expect(await terminal.exited).to.equal(129);
    const after = await workspace.run(["get", "last", "--path", "./testdb"]);
    expect(after).to.deep.equal({ code: 0, stdout: "1\n", stderr: "" });
  });

  it("uses colours on a terminal, and none with NO_COLOR", async () => {
    for (const [env, coloured] of [
      [{}, true],
      [{ NO_COLOR: "1" }, false],
    ] as const) {
      const terminal = new TestTerminal(workspace.folder, ["shell", "--path", "./testdb"], env);
      await terminal.shows(/fastkv>$/);
      await terminal.command("nonsense");
      terminal.type("\x04");
      await terminal.exited;
      expect(terminal.raw.includes("\x1b[31mError:"), JSON.stringify(env)).to.equal(coloured);
    }
  });
});
