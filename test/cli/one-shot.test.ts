import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, open, stat, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { FastKV } from "fastkv";
import { cliEnvironment, cliProgram, Workspace } from "./support/cli.js";

describe("the one-shot commands", () => {
  let workspace: Workspace;
  before(async () => {
    workspace = await Workspace.create();
  });
  after(() => workspace.remove());

  const run = (line: string, input?: string | Uint8Array) =>
    workspace.run(line.split(" "), input === undefined ? {} : { input });

  it("put, get and delete a value", async () => {
    expect(await run('put user:1 {"a":1} --path d')).to.deep.equal({
      code: 0,
      stdout: "OK\n",
      stderr: "Database created at d\n",
    });
    expect(await run("put user:2 2 --path d")).to.deep.equal({ code: 0, stdout: "OK\n", stderr: "" });
    expect(await run("get user:1 --path d")).to.deep.equal({
      code: 0,
      stdout: '{\n  "a": 1\n}\n',
      stderr: "",
    });
    expect((await run("get user:1 --json --path d")).stdout).to.equal(
      '{"key":"user:1","value":{"a":1},"encoding":"json"}\n',
    );
    expect((await run("delete user:1 --path d")).stdout).to.equal("OK\n");
    expect(await run("get user:1 --path d")).to.deep.equal({ code: 1, stdout: "", stderr: "" });
    expect(await run("get user:1 --path d --json")).to.deep.equal({ code: 1, stdout: "", stderr: "" });
  });

  it("tell of a value that may have been meant otherwise", async () => {
    const version = await run("put version 1.10 --path doubt");
    expect(version).to.deep.include({ code: 0, stdout: "OK\n" });
    expect(version.stderr).to.contain("Stored as the number 1.1.");
    expect((await run("put object {a:1} --path doubt")).stderr).to.contain(
      "Stored as a string, since it is not JSON",
    );
  });

  it("take a value from stdin, bytes too", async () => {
    const bytes = new Uint8Array([0, 255, 10]);
    expect((await run("put text --path v", "hello\n")).code).to.equal(0);
    expect((await run("put object - --path v", '{"a": [1, 2]}')).code).to.equal(0);
    expect((await run("put bytes --encoding binary --path v", bytes)).code).to.equal(0);
    expect((await run("put bytes --path v", bytes)).stderr).to.contain("not UTF-8");
    const nothing = await run("put text --path v", "");
    expect(nothing.stderr).to.contain("There is no value");
    expect(nothing.code).to.equal(2);
    expect((await run("put /wA= 1 --base64-key --path v")).code).to.equal(0);
    expect((await run("scan --json --path v")).stdout.split("\n")).to.deep.equal([
      '{"key":"bytes","value":{"base64":"AP8K"},"encoding":"binary"}',
      '{"key":"object","value":{"a":[1,2]},"encoding":"json"}',
      '{"key":"text","value":"hello","encoding":"json"}',
      '{"key":{"base64":"/wA="},"value":1,"encoding":"json"}',
      "",
    ]);
    expect((await run("get text --raw --path v")).stdout).to.equal("hello");
    expect((await run("get /wA= --base64-key --path v")).stdout).to.equal("1\n");
  });

  it("put a value that expires", async () => {
    expect((await run("put brief 1 --ttl 2h --path t")).code).to.equal(0);
    const [, expiry] = /"expiry":(\d+)\}\n$/.exec((await run("get brief --json --path t")).stdout)!;
    expect(Number(expiry) - Date.now()).to.be.within(2 * 3_600_000 - 60_000, 2 * 3_600_000);
    for (const ttl of ["tomorrow", "0", "-5m"]) {
      const refused = await run(`put brief 1 --ttl=${ttl} --path never`);
      expect(refused).to.deep.include({ code: 2, stdout: "" });
      expect(refused.stderr).to.contain(`"${ttl}" is no duration: write 1500 (ms), 90s, 5m, 2h or 7d`);
    }
    expect(existsSync(workspace.path("never")), "a database for nothing").to.equal(false);
  });

  it("scan in all directions", async () => {
    await workspace.run(["bulk", "-", "--path", "s"], {
      input: '["a",1]\n["b",{"x":2}]\n["b2",3]\n["c",4]\n',
    });
    expect((await run("scan --path s")).stdout).to.equal('a: 1\nb: {"x": 2}\nb2: 3\nc: 4\nTotal: 4 items\n');
    expect((await run("scan --prefix b --reverse --limit 1 --path s")).stdout).to.equal(
      "b2: 3\nTotal: 1 items\n",
    );
    expect((await run("scan --gt a --lt c --keys --path s")).stdout).to.equal("b\nb2\n");
  });

  it("scan past values of classes that only a program knows", async () => {
    class Point {
      x = 1;
    }
    const db = await FastKV.open(workspace.path("classes"), { encoding: "structured" });
    db.registerClass(Point);
    await db.batchPut([
      ["a", 1],
      ["b", new Point()],
      ["c", [2]],
      ["d", new Point()],
    ]);
    await db.close();
    const placeholder = "<a value of a program's own class; scan --json and export show what is stored>";
    const scan = async (flags: string) => (await run(`scan --path classes ${flags}`)).stdout;
    expect(await scan("--keys")).to.equal("a\nb\nc\nd\n");
    expect(await scan("--limit 3")).to.equal(`a: 1\nb: ${placeholder}\nc: [2]\nTotal: 3 items\n`);
    expect(await scan("--reverse --gt a")).to.equal(
      `d: ${placeholder}\nc: [2]\nb: ${placeholder}\nTotal: 3 items\n`,
    );
    expect(await scan("--limit 2")).to.equal(`a: 1\nb: ${placeholder}\nTotal: 2 items\n`);
  });

  it("print statistics as JSON", async () => {
    for (const command of ["stats --path s", "stats --json --path s"]) {
      const stats = JSON.parse((await run(command)).stdout) as { total_keys: number; shards: unknown[] };
      expect(stats.total_keys).to.equal(4);
      expect(stats.shards).to.have.length.above(0);
    }
  });

  it("load files of each form, and say where one is wrong", async () => {
    await writeFile(workspace.path("pairs.json"), '[["key1", "value1"], ["key2", {"nested": "data"}]]');
    expect((await run("bulk pairs.json --json --path l")).stdout).to.equal('{"loaded":2}\n');
    await writeFile(workspace.path("broken.json"), '[["new1", 1], ["new2"');
    const broken = await run("bulk broken.json --path l");
    expect(broken).to.deep.include({ code: 1, stdout: "" });
    expect(broken.stderr).to.equal("Error: The JSON ends within the array, behind item 1\n");
    expect((await run("get new1 --path l")).code, "all or nothing").to.equal(1);
    const slip = await run("bulk pears.json --path slip");
    expect(slip).to.deep.include({ code: 2, stdout: "" });
    expect(slip.stderr).to.match(/^Error: Cannot read pears.json: ENOENT[^\n]*\n$/);
    expect((await run("bulk . --path slip")).code, "a folder").to.equal(2);
    expect(existsSync(workspace.path("slip")), "a database for nothing").to.equal(false);
  });

  it("load a file larger than the memory they may have", async () => {
    const filler = "x".repeat(600);
    const items = Array.from({ length: 100_000 }, (_, index) => `["key:${index}", "${filler}"]`);
    await writeFile(workspace.path("large.json"), `[${items.join(",\n")}]`);
    const loaded = await workspace.run(["bulk", "large.json", "--path", "large"], {
      env: { NODE_OPTIONS: "--max-old-space-size=48" },
    });
    expect(loaded).to.deep.equal({
      code: 0,
      stdout: "Loaded 100000 items\n",
      stderr: "Database created at large\n",
    });
  });

  describe("when nobody takes their output", () => {
    before(() => {
      const line = (index: number): string => JSON.stringify([`k${index}`, "x".repeat(50)]);
      const input = Array.from({ length: 50_000 }, (_, index) => line(index)).join("\n");
      return workspace.run(["bulk", "-", "--path", "many"], { input });
    });

    for (const [command, input] of [
      ["scan --path many", ""],
      ["export --path many", ""],
      ["shell --path many", "scan\nput never 1\n"],
    ] as const) {
      it(`end quietly: ${command} | head -1`, async () => {
        const child = spawn(process.execPath, [cliProgram, ...command.split(" ")], {
          cwd: workspace.folder,
          env: cliEnvironment(workspace.folder),
          stdio: ["pipe", "pipe", "pipe"],
        });
        child.stdin.end(input);
        let errors = "";
        child.stderr.on("data", (piece) => {
          errors += piece;
        });
        for await (const _ of createInterface({ input: child.stdout })) {
          break;
        }
        child.stdout.destroy();
        const [code] = await once(child, "close");
        expect(errors).to.equal("");
        expect(code).to.equal(0);
      });
    }

    it("name the file that cannot be made as it was given", async () => {
      const { code, stderr } = await run("export --output ./none/file --path many");
      expect(code).to.equal(1);
      expect(stderr).to.match(/^Error: Cannot write \.\/none\/file: ENOENT: [^\n]*'\.\/none\/file'\n$/);
    });

    // A device that is always full; not every system has one.
    if (existsSync("/dev/full")) {
      it("say in one line that the disk is full", async () => {
        const full = await open("/dev/full", "w");
        try {
          for (const command of ["scan --path many", "--help", "shell --path many"]) {
            const child = spawn(process.execPath, [cliProgram, ...command.split(" ")], {
              cwd: workspace.folder,
              env: cliEnvironment(workspace.folder),
              stdio: ["ignore", full.fd, "pipe"],
            });
            const [errors, [code]] = await Promise.all([text(child.stderr!), once(child, "close")]);
            expect(errors, command).to.match(/^Error: Cannot write the output: ENOSPC[^\n]*\n$/);
            expect(code, command).to.equal(1);
          }
          const exported = await run("export --path many -o /dev/full");
          expect(exported).to.deep.include({ code: 1, stdout: "" });
          expect(exported.stderr).to.match(/^Error: Cannot write \/dev\/full: ENOSPC[^\n]*\n$/);
          expect((await stat("/dev/full")).isCharacterDevice(), "it is still there").to.equal(true);
        } finally {
          await full.close();
        }
      });
    }
  });

  it("stop on Ctrl-C with exit code 130, the database closed", async () => {
    const child = spawn(process.execPath, [cliProgram, "bulk", "-", "--path", "stopped"], {
      cwd: workspace.folder,
      env: cliEnvironment(workspace.folder),
      stdio: ["pipe", "pipe", "pipe"],
    });
    child.stdin.write('["a",1]\n');
    // Signals are handled before the database is made.
    while (!existsSync(workspace.path("stopped"))) {
      await delay(20);
    }
    await delay(300);
    child.kill("SIGINT");
    const [code] = await once(child, "close");
    expect(code).to.equal(130);
    expect((await run("get a --path stopped")).code, "nothing of the load").to.equal(1);
  });

  describe("with a database that cannot be opened, say so in one line with exit code 2", () => {
    async function refused(args: string[], words: RegExp, env: Record<string, string> = {}): Promise<void> {
      const { code, stdout, stderr } = await workspace.run(args, { env });
      expect(stdout).to.equal("");
      expect(stderr).to.match(words);
      expect(stderr.trimEnd().split("\n"), stderr).to.have.length(1);
      expect(stderr).to.match(/^Error: /);
      expect(code).to.equal(2);
    }

    it("missing", async () => {
      const commands = [["get", "a"], ["shell", "--no-create"], ["export"]];
      // Nobody can "allow" these commands to create one.
      const words = /nowhere: it does not exist\. Check the path\.$/m;
      await Promise.all(commands.map((args) => refused([...args, "--path", "nowhere"], words)));
    });

    it("foreign", async () => {
      await mkdir(workspace.path("foreign"));
      await writeFile(workspace.path("foreign/letter.txt"), "Dear Bob");
      await refused(["shell", "--path", "foreign"], /foreign/);
      await refused(["put", "a", "1", "--path", "foreign/letter.txt"], /letter\.txt/);
    });

    it("locked", async () => {
      const child = spawn(process.execPath, [cliProgram, "shell", "--path", "locked"], {
        cwd: workspace.folder,
        env: cliEnvironment(workspace.folder),
        stdio: ["pipe", "pipe", "inherit"],
      });
      await once(child.stdout, "data");
      await refused(["get", "a", "--path", "locked"], new RegExp(`${child.pid}`));
      child.stdin.end();
      await once(child, "close");
    });

    it("of another number of shards", async () => {
      await run("put a 1 --path sharded --shards 2");
      await refused(["put", "a", "1", "--path", "sharded", "--shards", "3"], /2.*3|3.*2/);
    });

    it("with a stack trace only where DEBUG is set", async () => {
      const { code, stderr } = await workspace.run(["get", "a", "--path", "nowhere"], {
        env: { DEBUG: "1" },
      });
      expect(code).to.equal(2);
      expect(stderr).to.match(/\n +at /);
    });
  });

  it("refuse wrong arguments with exit code 2", async () => {
    const lines = [
      "get",
      "get a",
      "put k v --path d --encoding yaml",
      "bulk x --path d --shards 0",
      "scan --limit -1 --path d",
      "scan a --prefix b --path d",
      "scan --gt a --gte b --path d",
    ];
    const results = await Promise.all(lines.map((line) => run(line)));
    for (const [index, { code, stderr }] of results.entries()) {
      expect(code, lines[index]).to.equal(2);
      expect(stderr, lines[index]).not.to.match(/\n +at /);
      expect(stderr, lines[index]).to.match(/^Error: [^\n]+\n(\nUSAGE\n|$)/);
    }
    expect(results[0]!.stderr).to.contain(
      "Missing 1 required arg: key  the key. See more help with --help\n\nUSAGE\n",
    );
    expect(results[1]!.stderr).to.equal(
      "Error: Missing required flag path (--path DIR, or set FASTKV_PATH). See more help with --help\n",
    );
    expect(results[2]!.stderr).to.equal(
      "Error: Expected --encoding=yaml to be one of: json, msgpack, structured, binary. See more help with --help\n",
    );
  });
});
