import { cp, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { FastKV } from "../../coordinator/index.js";
import { type CliResult, Workspace } from "./support/cli.js";
import { TestTerminal } from "./support/terminal.js";

describe("the commands over a damaged database", () => {
  let workspace: Workspace;
  before(async () => {
    workspace = await Workspace.create();
    await using db = await FastKV.open(workspace.path("whole"), { shards: 2 });
    await db.batchPut(
      Array.from({ length: 3_000 }, (_, index): [string, string] => [`table:${index}`, "in a table"]),
    );
    await db.flush();
    await db.batchPut(
      Array.from({ length: 20 }, (_, index): [string, string] => [`wal:${index}`, "in the logs"]),
    );
  });
  after(async () => {
    TestTerminal.killAll();
    await workspace.remove();
  });

  /** A copy of the database in which each file that matches has one byte flipped, at a part of its length. */
  async function damagedCopy(name: string, files: RegExp, part: number): Promise<void> {
    await rm(workspace.path(name), { recursive: true, force: true });
    const folder = workspace.path(name);
    await cp(workspace.path("whole"), folder, { recursive: true });
    const hit = (await readdir(folder, { recursive: true })).filter((file) => files.test(file));
    expect(hit, String(files)).to.have.length.above(0);
    for (const file of hit) {
      await flipByte(join(folder, file), part);
    }
  }

  async function flipByte(path: string, part: number): Promise<void> {
    const position = Math.floor((await stat(path)).size * part);
    await using handle = await open(path, "r+");
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, position);
    byte[0]! ^= 0xff;
    await handle.write(byte, 0, 1, position);
  }

  /** One line: what is damaged and what to do; exit code 2. */
  function expectRefusal({ code, stderr }: CliResult, words: RegExp): void {
    expect(stderr)
      .to.match(/^Error: [^\n]+\n$/)
      .and.to.match(words);
    expect(stderr).to.match(/Restore it from a backup|remove this file and open again/);
    expect(code, stderr).to.equal(2);
  }

  const opening: [what: string, files: RegExp, part: number][] = [
    ["the identity", /^FASTKV$/, 0.5],
    ["the owner file", /^OWNER-/, 0.5],
    ["the batch log", /^batch-log-/, 0.5],
    ["CURRENT", /CURRENT$/, 0.5],
    ["a manifest", /MANIFEST-/, 0.4],
    ["a WAL", /\.wal$/, 0.6],
  ];
  for (const [index, [what, files, part]] of opening.entries()) {
    it(`name the file and the way out: ${what}`, async () => {
      const name = `opening-${index}`;
      await damagedCopy(name, files, part);
      for (const command of ["get table:1", "shell"]) {
        const result = await workspace.run([...command.split(" "), "--path", name], {
          input: "get table:1\n",
        });
        expectRefusal(result, new RegExp(name));
        expect(result.stdout).to.equal("");
      }
    });
  }

  it("name a file that is missing", async () => {
    await cp(workspace.path("whole"), workspace.path("missing"), { recursive: true });
    const [table] = (await readdir(workspace.path("missing/shard-000"))).filter((file) =>
      file.endsWith(".sst"),
    );
    await rm(join(workspace.path("missing/shard-000"), table!));
    expectRefusal(await workspace.run(["stats", "--path", "missing"]), new RegExp(table!));
  });

  describe("in a table, which shows when it is read,", () => {
    // In the first half lie blocks of entries, behind them what finds them.
    const places = { entries: 0.3, index: 0.97 };
    for (const [name, part] of Object.entries(places)) {
      it(`exit with 2, so that no script takes it for a missing key: ${name}`, async () => {
        const commands: [args: string[], input?: string][] = [
          [["scan", "table:"]],
          [["export", "-o", `${name}.jsonl`]],
          [["shell"], "get wal:1\nscan table:\nget wal:2\n"],
        ];
        const [, , shell] = await Promise.all(
          commands.map(async ([args, input = ""], index) => {
            await damagedCopy(`${name}-${index}`, /\.sst$/, part);
            const result = await workspace.run([...args, "--path", `${name}-${index}`], { input });
            expectRefusal(result, /\.sst at offset \d+: wrong checksum/);
            return result;
          }),
        );
        expect(shell!.stderr).to.contain("Error: line 2: Damaged file");
        expect(shell!.stdout).to.contain('"in the logs"\n').and.not.to.contain("Goodbye");
        expect(await readdir(workspace.folder), "half an export").not.to.include(`${name}.jsonl`);
      });
    }

    it("get no wrong value and no false miss", async () => {
      await damagedCopy("entries", /\.sst$/, places.entries);
      const keys = Array.from({ length: 300 }, (_, index) => `get table:${index * 10}`).join("\n");
      const { code, stdout, stderr } = await workspace.run(["shell", "--path", "entries", "--keep-going"], {
        input: keys,
      });
      expect(code).to.equal(2);
      const answers = stdout.split("\n").filter((line) => line === '"in a table"').length;
      const refusals = stderr
        .split("\n")
        .filter((line) => /^Error: line \d+: Damaged file /.test(line)).length;
      expect(answers).to.be.above(0);
      expect(refusals).to.be.above(0);
      expect(answers + refusals).to.equal(300);
    });

    it("say so at the prompt, and stay", async () => {
      await damagedCopy("index", /\.sst$/, places.index);
      const terminal = new TestTerminal(workspace.folder, ["shell", "--path", "index"]);
      await terminal.shows(/fastkv>$/);
      await terminal.command("scan table:");
      await terminal.shows(/Error: Damaged file/);
      await terminal.command("get wal:1");
      expect(terminal.lines().at(-2)).to.equal('"in the logs"');
      terminal.type("exit\r");
      expect(await terminal.exited).to.equal(0);
    });
  });
});
