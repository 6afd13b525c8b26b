import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { cliEnvironment, cliProgram, Workspace } from "./support/cli.js";

describe("the shell over piped input", () => {
  let workspace: Workspace;
  before(async () => {
    workspace = await Workspace.create();
    await writeFile(workspace.path("data.json"), '[["key1", "value1"], ["key2", {"nested": "data"}]]');
  });
  after(() => workspace.remove());

  function shell(input: string, ...flags: string[]) {
    return workspace.run(["shell", "--path", "./d", ...flags], { input });
  }

  it("works the same, without prompt, echo or colour", async () => {
    const input = [
      'put config:app_name "MyApp"',
      `put user:1001 '{"name": "Alice", "active": true}'`,
      "get user:1001",
      "scan user:",
      'scan "" 5',
      "bulk data.json",
      "delete key1",
      "count",
      "get key1",
      "exit",
      "put never 1",
    ].join("\n");
    const result = await shell(input);
    expect(result.stderr).to.equal("");
    expect(result.code).to.equal(0);
    expect(result.stdout).to.equal(`Database opened at ./d
OK
OK
{
  "name": "Alice",
  "active": true
}
user:1001: {"name": "Alice", "active": true}
Total: 1 items
config:app_name: "MyApp"
user:1001: {"name": "Alice", "active": true}
Total: 2 items
Loaded 2 items
OK
3
Key not found: key1
Goodbye!
Database closed
`);
  });

  it("needs no exit at the end, and takes comments, blank lines and lines over several lines", async () => {
    const result = await shell("# a comment\n\nput note 'two\nlines'\r\nget note");
    expect(result.stdout).to.equal('Database opened at ./d\nOK\n"two\\nlines"\nGoodbye!\nDatabase closed\n');
    expect(result.code).to.equal(0);
  });

  it("stops at the first error with exit code 1", async () => {
    const result = await shell("put a 1\nnonsense\nput b 2\n");
    expect(result.code).to.equal(1);
    expect(result.stderr).to.equal("Error: line 2: Unknown command: nonsense. Type help for the list\n");
    expect((await workspace.run(["get", "b", "--path", "./d"])).code).to.equal(1);
  });

  it("goes on after an error with --keep-going", async () => {
    const result = await shell("nonsense\nput b 2\n", "--keep-going");
    expect(result.stderr.split("\n")).to.have.length(2);
    expect(result.code, "something failed").to.equal(1);
    expect((await workspace.run(["get", "b", "--path", "./d"])).stdout).to.equal("2\n");
  });

  it("names the line on which quotes open that are never closed", async () => {
    for (const [input, error] of [
      ["put a 1\nput b 'open\nput c 3\n", "line 2: The quotes (') that open here are not closed"],
      ['put d "two\nlines" "open\nput c 3\n\n', 'line 2: The quotes (") that open here are not closed'],
      ["put e 1\\", "line 1: The input ends within an escape"],
    ] as const) {
      const result = await shell(input);
      expect(result.stderr).to.equal(`Error: ${error}\n`);
      expect(result.code).to.equal(1);
    }
    expect((await workspace.run(["get", "c", "--path", "./d"])).code).to.equal(1);
  });

  it("comes to the end of a long script whose quotes are never closed", async () => {
    const rest = Array.from({ length: 20_000 }, (_, at) => `put key-${at} 1\n`);
    const { stderr } = await shell(`put a "\n${rest.join("")}`);
    expect(stderr).to.equal('Error: line 1: The quotes (") that open here are not closed\n');
  });

  it("stops with an error at a batch without an end, of which nothing is written", async () => {
    const result = await shell("batch\nput in-batch 1\n");
    expect(result.code).to.equal(1);
    const unwritten = "within a batch, before its end: 1 operation not written";
    expect(result.stderr).to.equal(`Error: The input ended ${unwritten}\n`);
    const left = await shell("batch\nput in-batch 1\nexit\nend\n");
    expect(left).to.deep.include({ code: 1, stderr: `Error: The shell was left ${unwritten}\n` });
    expect((await workspace.run(["get", "in-batch", "--path", "./d"])).code).to.equal(1);
    const goingOn = await shell("nonsense\nbatch\nput in-batch 1\n", "--keep-going");
    expect(goingOn.stderr).to.contain(`The input ended ${unwritten}`);
  });

  it("writes nothing of a batch in which a line is wrong", async () => {
    const spoilt = "The batch had an error and was not written: correct it and enter it again";
    const wrong = ["delet a", "put half", "get", "batch"];
    const batches = wrong.map((line) => `batch\nput spoilt 1\n${line}\nend\n`);
    const right = "batch\nput whole 1\nend\n";
    const result = await shell(`${batches.join("")}nonsense\n${right}`, "--keep-going");
    expect(result.code).to.equal(1);
    expect(result.stderr.split(spoilt)).to.have.length(wrong.length + 1);
    expect(result.stdout).to.contain("OK, 1 operation\n");
    expect((await shell("has spoilt\nhas whole\n")).stdout).to.contain("false\ntrue\n");
  });

  it("ends on Ctrl-C in the midst of writing with exit code 130, the database closed", async () => {
    const child = spawn(process.execPath, [cliProgram, "shell", "--path", "./stopped"], {
      cwd: workspace.folder,
      env: cliEnvironment(workspace.folder),
      stdio: ["pipe", "pipe", "pipe"],
    });
    child.stdin.on("error", () => {});
    const errors = text(child.stderr);
    let acknowledged = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      // Always some commands ahead of the answers.
      child.stdin.write(`put k${acknowledged + 1} 1\n`.repeat(acknowledged === 0 ? 100 : 1));
      acknowledged += line === "OK" ? 1 : 0;
      if (acknowledged === 200) {
        child.kill("SIGINT");
      }
    }
    expect(child.exitCode ?? (await once(child, "exit"))[0]).to.equal(130);
    expect(await errors).to.equal("");
    const verified = await workspace.run(["verify", "--path", "./stopped"]);
    expect(verified.code, verified.stdout).to.equal(0);
    expect((await workspace.run(["get", "k1", "--path", "./stopped"])).stdout).to.equal("1\n");
  });

  it("says clearly what is wrong with a command", async () => {
    const wrong: [line: string, message: string][] = [
      ["set a 1", "Unknown command: set. Did you mean put?"],
      ["clear", "Unknown command: clear. Only a program can clear a range, with db.clear()"],
      ["get", "Usage: get KEY"],
      ["get a b", "Too many words for get"],
      ["scan a many", '"many" is no limit'],
      ["scan --rev", "Unknown option --rev"],
      ["put k v --ttl soon", '"soon" is no time'],
      ["put k v --encoding yaml", 'Unknown encoding "yaml"'],
      ["put k 12345678901234567890", "too large for a number"],
      ['put k {"a":1}', `Put single quotes around JSON: put k '{"a": 1}'`],
      ['put k ["1",2] --encoding binary', "The quotes in this value would be lost"],
      ['put k {"a": 1}', "Put a word with spaces into single quotes"],
      ["bulk missing.json", "Cannot read missing.json"],
      ["end", "No batch is open"],
      ["time", "Usage: time on|off"],
    ];
    const result = await shell(wrong.map(([line]) => line).join("\n"), "--keep-going");
    expect(result.code, "a file to load is missing").to.equal(2);
    const lines = result.stderr.trimEnd().split("\n");
    expect(lines).to.have.length(wrong.length);
    for (const [index, [, message]] of wrong.entries()) {
      expect(lines[index])
        .to.contain(`Error: line ${index + 1}: `)
        .and.to.contain(message);
    }
  });

  it("knows ttl, has, stats, flush, compact, shards, export and the other encodings", async () => {
    const result = await shell(
      [
        "put t 1 --ttl 1h",
        "ttl t",
        "has t",
        "delete t",
        "has t",
        "put bytes $'\\xff\\x00'",
        "get bytes",
        "put m '[1]' --encoding msgpack",
        "get m",
        "flush",
        "compact",
        "export out.jsonl --prefix key2",
        "export --prefix key2",
        "shards",
        "stats",
      ].join("\n"),
    );
    expect(result.stderr).to.equal("");
    const text = result.stdout;
    expect(text).to.match(/OK\n3[56]\d{5} ms \((1 h 0 min|59 min 5\d s)\)\ntrue\nOK\nfalse\nOK\n<2 bytes>\n/);
    expect(text).to.contain("[\n  1\n]\nOK\nOK\nExported 1 items\n");
    expect(text).to.contain('{"key":"key2","value":{"nested":"data"},"encoding":"json"}\n');
    expect(text).to.match(/shard +pid +keys/);
    expect(text).to.contain('"total_keys": ');
  });
});
