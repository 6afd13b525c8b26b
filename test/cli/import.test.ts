/** `fastkv import` as a real process, from real databases of each kind. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { ClassicLevel } from "classic-level";
import { open as openLmdb } from "lmdb";
import { FastKV } from "../../coordinator/index.js";
import { type CliResult, cliEnvironment, cliProgram, Workspace } from "./support/cli.js";
import { findSqlite, hasBuiltInSqlite } from "./support/sqlite.js";
import { TestTerminal } from "./support/terminal.js";

const bigEntries = 150_000;

describe("fastkv import", () => {
  let workspace: Workspace;
  /** The command's temporary folder: what it leaves behind lies here. */
  let temporary: string;
  let targets = 0;
  before(async () => {
    workspace = await Workspace.create();
    temporary = workspace.path("tmp");
    mkdirSync(temporary);
  });
  afterEach(() => {
    // Newer Nodes keep compiled code there.
    const left = readdirSync(temporary).filter((name) => name.startsWith("fastkv"));
    expect(left, "left in the temporary folder").to.deep.equal([]);
  });
  after(async () => {
    TestTerminal.killAll();
    await workspace.remove();
  });

  function freshTarget(): string {
    targets += 1;
    return workspace.path(`target-${targets}`);
  }

  function run(args: string, cwd?: string): Promise<CliResult> {
    const env = { TMPDIR: temporary };
    return workspace.run(["import", ...args.split(" ")], cwd === undefined ? { env } : { env, cwd });
  }

  async function entriesOf(target: string): Promise<[string, unknown][]> {
    await using db = await FastKV.open(target, { createIfMissing: false });
    return await db.scan().toArray();
  }

  async function expectImported(args: string, target: string, count: number, cwd?: string): Promise<void> {
    expect(await run(`${args} --path ${target}`, cwd)).to.deep.equal({
      code: 0,
      stdout: `Imported ${count} entries: ${count} in the source, ${count} loaded, ${count} in the database\n`,
      stderr: "",
    });
  }

  /** One line, exit code 2, and not even an empty database. */
  async function expectUnusable(args: string, message: RegExp, cwd?: string): Promise<void> {
    const target = freshTarget();
    const { code, stdout, stderr } = await run(`${args} --path ${target}`, cwd);
    expect({ code, stdout }, stderr).to.deep.equal({ code: 2, stdout: "" });
    expect(stderr)
      .to.match(/^Error: [^\n]*\n$/)
      .and.to.match(message);
    expect(statSync(target, { throwIfNoEntry: false })).to.equal(undefined);
  }

  /** Of a failure while it was loaded: the database is there and empty, and takes an import afterwards. */
  async function expectNothingIn(target: string): Promise<void> {
    await using db = await FastKV.open(target, { createIfMissing: false });
    expect(await db.count()).to.equal(0);
  }

  function listing(folder: string): string[] {
    return readdirSync(folder).map((name) => {
      const { size, mtimeMs } = statSync(join(folder, name));
      return `${name} ${size} ${mtimeMs} ${readFileSync(join(folder, name)).toString("base64")}`;
    });
  }

  function flipByte(file: string, position: number): void {
    const bytes = readFileSync(file);
    bytes[position]! ^= 0x40;
    writeFileSync(file, bytes);
  }

  function damagedCopy(source: string, damage: (folder: string) => void): string {
    targets += 1;
    const copy = workspace.path(`damaged-${targets}`);
    cpSync(source, copy, { recursive: true });
    damage(copy);
    return copy;
  }

  /** Starts an import, and resolves when it has opened its target. */
  async function startImport(
    from: string,
    source: string,
    target: string,
    cwd?: string,
  ): Promise<ChildProcess> {
    const child = spawn(process.execPath, [cliProgram, "import", "--from", from, source, "--path", target], {
      cwd: cwd ?? workspace.folder,
      env: cliEnvironment(workspace.folder, { TMPDIR: temporary }),
      stdio: "pipe",
    });
    while (statSync(join(target, "FASTKV"), { throwIfNoEntry: false }) === undefined) {
      expect(child.exitCode, "ended too early").to.equal(null);
      await delay(5);
    }
    return child;
  }

  it("says what is wrong with its arguments", async () => {
    await expectUnusable("--from leveldb nowhere", /Cannot read nowhere: ENOENT/);
    await expectUnusable(`--from lmdb ${workspace.folder} --table t`, /--table is for --from sqlite/);
    await expectUnusable(`--from sqlite ${workspace.folder} --encoding msgpack`, /is for --from lmdb/);
    const { code, stderr } = await run("--from redis nowhere --path x");
    expect(code).to.equal(2);
    expect(stderr).to.contain("leveldb, lmdb, sqlite");
  });

  it("takes the package of the folder it works in first, and says why it does not load", async () => {
    const project = workspace.path("project");
    mkdirSync(join(project, "node_modules/lmdb"), { recursive: true });
    writeFileSync(join(project, "node_modules/lmdb/index.js"), 'throw new Error("built for another Node");');
    await expectUnusable(
      `--from lmdb ${project}`,
      /^Error: The package lmdb does not load: built for another Node\. Install it with: npm install lmdb /,
      project,
    );
  });

  describe("from LevelDB", () => {
    let source: string;
    let big: string;
    before(async () => {
      source = workspace.path("level");
      const db = new ClassicLevel<Uint8Array, Uint8Array>(source, {
        keyEncoding: "view",
        valueEncoding: "view",
      });
      for (let round = 0; round < 3; round++) {
        await db.batch(
          Array.from({ length: 2_000 }, (_, index) => ({
            type: "put" as const,
            key: Buffer.from(`table:${round}:${index}`),
            value: Buffer.from(JSON.stringify({ round, index, text: "é".repeat(40) })),
          })),
        );
        // Each round is a table of its own: where tables are merged, the old ones may still be there for a while.
        await db.compactRange(Buffer.from(`table:${round}:`), Buffer.from(`table:${round};`));
      }
      await db.put(Buffer.from("log:1"), Buffer.from("1"));
      await db.put(Buffer.from("log:deleted"), Buffer.from("1"));
      await db.del(Buffer.from("log:deleted"));
      await db.close();

      big = workspace.path("big");
      const large = new ClassicLevel<string, string>(big);
      for (let at = 0; at < bigEntries; at += 10_000) {
        await large.batch(
          Array.from({ length: 10_000 }, (_, index) => ({
            type: "put" as const,
            key: `key:${at + index}`,
            value: `"${"v".repeat(100)}${index}"`,
          })),
        );
      }
      await large.close();
    });

    it("takes every entry, and leaves the source as it was", async () => {
      const before = listing(source);
      const target = freshTarget();
      await expectImported(`--from leveldb ${source} --encoding json`, target, 6_001);
      const entries = new Map(await entriesOf(target));
      expect(entries.size).to.equal(6_001);
      expect(entries.get("log:1")).to.equal(1);
      expect(entries.get("table:2:1999")).to.deep.equal({ round: 2, index: 1999, text: "é".repeat(40) });
      expect(listing(source)).to.deep.equal(before);
    });

    it("takes bytes as they are, with any key, behind a prefix", async () => {
      const odd = workspace.path("odd");
      const db = new ClassicLevel<Uint8Array, Uint8Array>(odd, {
        keyEncoding: "view",
        valueEncoding: "view",
      });
      const pairs: [Uint8Array, Uint8Array][] = [
        [new Uint8Array([0]), new Uint8Array([0xff, 0, 1])],
        [new Uint8Array([0xff, 0xfe]), new Uint8Array(0)],
        [Buffer.from("ü"), Buffer.alloc(300_000, "long")],
      ];
      for (const [key, value] of pairs) {
        await db.put(key, value);
      }
      await db.close();
      const target = freshTarget();
      await expectImported(`--from leveldb ${odd} --prefix old:`, target, 3);
      await using store = await FastKV.open(target);
      for (const [key, value] of pairs) {
        expect(await store.get(Buffer.concat([Buffer.from("old:"), key]))).to.deep.equal(Buffer.from(value));
      }
      expect(await store.count({ prefix: "old:" })).to.equal(3);
    });

    it("replaces keys that are there, leaves the others, and says what it did as JSON", async () => {
      const target = freshTarget();
      {
        await using db = await FastKV.open(target);
        await db.put("log:1", "old");
        await db.put("other", "stays");
      }
      const { code, stdout } = await run(`--from leveldb ${source} --encoding utf8 --path ${target} --json`);
      expect({ code, result: JSON.parse(stdout) as unknown }).to.deep.equal({
        code: 0,
        result: { source: 6_001, loaded: 6_001, keys: 6_002 },
      });
      const entries = new Map(await entriesOf(target));
      expect(entries.get("log:1")).to.equal("1");
      expect(entries.get("other")).to.equal("stays");
    });

    it("loads nothing where one value is not what it was said to be", async () => {
      const bad = workspace.path("bad-value");
      const db = new ClassicLevel<string, string>(bad);
      await db.batch([
        { type: "put", key: "a", value: "1" },
        { type: "put", key: "b", value: "{" },
      ]);
      await db.close();
      const target = freshTarget();
      const { code, stderr } = await run(`--from leveldb ${bad} --encoding json --path ${target}`);
      expect(code).to.equal(1);
      expect(stderr).to.match(/^Error: The value of b is not JSON: [^\n]*\n$/);
      await expectNothingIn(target);
    });

    it("is refused while another program has the source open", async () => {
      const db = new ClassicLevel<string, string>(source);
      await db.open();
      try {
        await expectUnusable(`--from leveldb ${source}`, /is open in another program/);
      } finally {
        await db.close();
      }
    });

    it("finds damage in every kind of file", async () => {
      const names = readdirSync(source);
      // A log may be empty: LevelDB starts one whenever it opens.
      const files = names.filter(
        (name) => /^MANIFEST|\.(ldb|log)$/.test(name) && statSync(join(source, name)).size > 0,
      );
      expect(files.some((name) => name.endsWith(".ldb"))).to.equal(true);
      for (const name of files) {
        const copy = damagedCopy(source, (folder) => flipByte(join(folder, name), 10));
        await expectUnusable(`--from leveldb ${copy}`, /is damaged: .*Nothing was loaded/);
      }
      const table = files.find((name) => name.endsWith(".ldb"))!;
      const manifest = files.find((name) => name.startsWith("MANIFEST"))!;
      const torn = damagedCopy(source, (folder) =>
        truncateSync(join(folder, manifest), statSync(join(folder, manifest)).size - 3),
      );
      await expectUnusable(
        `--from leveldb ${torn}`,
        /it ends in the midst of a record\. If that was a crash/,
      );
      const cut = damagedCopy(source, (folder) => truncateSync(join(folder, table), 5_000));
      await expectUnusable(`--from leveldb ${cut}`, /is damaged: it does not end as a table does/);
      const noTable = damagedCopy(source, (folder) => execFileSync("rm", [join(folder, table)]));
      await expectUnusable(`--from leveldb ${noTable}`, /ldb is damaged: it is missing/);
      await expectUnusable(`--from leveldb ${temporary}`, /is no LevelDB database/);
    });

    it("minds no table that a crash left half-written", async () => {
      const copy = damagedCopy(source, (folder) => writeFileSync(join(folder, "999999.ldb"), "half"));
      await expectImported(`--from leveldb ${copy}`, freshTarget(), 6_001);
    });

    it("leaves nothing when it is interrupted, and can be done again", async () => {
      const target = freshTarget();
      const child = await startImport("leveldb", big, target);
      child.kill("SIGINT");
      const [stdout, stderr, [code]] = await Promise.all([
        text(child.stdout!),
        text(child.stderr!),
        once(child, "close") as Promise<[number]>,
      ]);
      expect({ code, stdout, stderr }).to.deep.equal({ code: 130, stdout: "", stderr: "" });
      await expectNothingIn(target);
      await expectImported(`--from leveldb ${big}`, target, bigEntries);
    });

    it("loads nothing of a source that changes meanwhile", async () => {
      const target = freshTarget();
      const child = await startImport("leveldb", big, target);
      utimesSync(join(big, "CURRENT"), 1, 1);
      const [stderr, [code]] = await Promise.all([
        text(child.stderr!),
        once(child, "close") as Promise<[number]>,
      ]);
      expect(stderr).to.match(/^Error: .* changed while it was read\. [^\n]*\n$/);
      expect(code).to.equal(2);
      await expectNothingIn(target);
    });

    it("loads nothing when its reader crashes", async () => {
      const target = freshTarget();
      const child = await startImport("leveldb", big, target);
      const processes = execFileSync("ps", ["-A", "-o", "pid=,ppid=,args="], { encoding: "utf8" }).split(
        "\n",
      );
      const reader = processes
        .map((line) => /^\s*(\d+)\s+(\d+)\s.*reader-main\.js/.exec(line))
        .find((match) => Number(match?.[2]) === child.pid);
      process.kill(Number(reader![1]), "SIGSEGV");
      const [stderr, [code]] = await Promise.all([
        text(child.stderr!),
        once(child, "close") as Promise<[number]>,
      ]);
      expect(stderr).to.match(
        /^Error: .* is damaged, .*its reader crashed \(SIGSEGV\)\. Nothing was loaded\n$/,
      );
      expect(code).to.equal(2);
      await expectNothingIn(target);
    });

    it("shows on a terminal how far it is", async () => {
      const terminal = new TestTerminal(
        workspace.folder,
        ["import", "--from", "leveldb", big, "--path", freshTarget()],
        { TMPDIR: temporary },
      );
      expect(await terminal.exited).to.equal(0);
      expect(terminal.raw).to.match(/Importing [█░]+ +\d+%/);
      expect(terminal.text()).to.contain(`Imported ${bigEntries} entries`);
    });
  });

  describe("from LMDB", () => {
    let source: string;
    before(async () => {
      source = workspace.path("lmdb");
      const root = openLmdb<string, string>({ path: source, encoding: "string" });
      const users = root.openDB<unknown, string>({ name: "users", encoding: "json" });
      const things = root.openDB<unknown, string>({ name: "things", encoding: "msgpack" });
      for (let index = 0; index < 5_000; index++) {
        void users.put(`user:${index}`, { index, text: "x".repeat(100) });
        void things.put(`thing:${index}`, { index, at: new Date(index), list: [index] });
      }
      await users.flushed;
      await things.flushed;
      await root.close();
    });

    it("takes a database of the file, and writes nothing to it", async () => {
      const before = readFileSync(join(source, "data.mdb"));
      const target = freshTarget();
      await expectImported(`--from lmdb ${source} --database users --encoding json`, target, 5_000);
      const entries = await entriesOf(target);
      expect(new Map(entries).get("user:4999")).to.deep.equal({ index: 4999, text: "x".repeat(100) });
      expect(readFileSync(join(source, "data.mdb")).equals(before)).to.equal(true);
    });

    it("decodes what the package lmdb writes by default", async () => {
      const target = freshTarget();
      await expectImported(
        `--from lmdb ${join(source, "data.mdb")} --database things --encoding msgpack`,
        target,
        5_000,
      );
      await using db = await FastKV.open(target);
      expect(await db.get("thing:7")).to.deep.equal({ index: 7, at: new Date(7), list: [7] });
    });

    it("takes a file without other databases whole, as bytes", async () => {
      const file = workspace.path("plain.mdb");
      const root = openLmdb<string, string>({ path: file, encoding: "string" });
      await root.put("a", "x");
      await root.put("b", "y".repeat(48));
      await root.close();
      const target = freshTarget();
      await expectImported(`--from lmdb ${file}`, target, 2);
      expect(await entriesOf(target)).to.deep.equal([
        ["a", Buffer.from("x")],
        ["b", Buffer.from("y".repeat(48))],
      ]);
    });

    it("wants to know which of several databases", async () => {
      await expectUnusable(
        `--from lmdb ${source}`,
        / holds several databases, such as things: choose one with/,
      );
      await expectUnusable(`--from lmdb ${source} --database nobody`, /There is no database nobody in/);
    });

    it("refuses keys with several values", async () => {
      const file = workspace.path("several.mdb");
      const root = openLmdb<string, string>({ path: file, encoding: "ordered-binary", dupSort: true });
      await root.put("a", "x");
      await root.put("a", "y");
      await root.close();
      const target = freshTarget();
      const { code, stderr } = await run(`--from lmdb ${file} --path ${target}`);
      expect({ code, stderr: stderr.replace(file, "FILE") }).to.deep.equal({
        code: 2,
        stderr: "Error: FILE has several values for the key a (dupSort); a key of FastKV has one\n",
      });
      await expectNothingIn(target);
    });

    it("loads nothing of a damaged file", async () => {
      const cut = damagedCopy(source, (folder) => truncateSync(join(folder, "data.mdb"), 200_000));
      await expectUnusable(`--from lmdb ${cut} --database users`, /is damaged: it is shorter than it says/);
      await expectUnusable(`--from lmdb ${temporary}`, /is no LMDB database/);
      const noise = damagedCopy(source, (folder) => {
        const bytes = readFileSync(join(folder, "data.mdb"));
        writeFileSync(join(folder, "data.mdb"), bytes.fill(0xa5, 16_384));
      });
      const target = freshTarget();
      const { code, stdout, stderr } = await run(`--from lmdb ${noise} --database users --path ${target}`);
      expect({ code, stdout }, stderr).to.deep.equal({ code: 2, stdout: "" });
      expect(stderr).to.match(/^Error: [^\n]*\n$/);
    });
  });

  describe("from SQLite", () => {
    const sqlite = findSqlite();
    if (!hasBuiltInSqlite) {
      it("says what to install where neither Node nor a package has it", async () => {
        const file = workspace.path("none.db");
        writeFileSync(file, "");
        await expectUnusable(
          `--from sqlite ${file}`,
          /better-sqlite3 is needed .*npm install better-sqlite3 .*Node 22\.13 or newer/,
        );
      });
    }
    if (sqlite === undefined) {
      return;
    }
    const { folder, run: execute } = sqlite;
    let source: string;
    before(async () => {
      source = workspace.path("app.db");
      await execute(
        source,
        `PRAGMA journal_mode = WAL;
         CREATE TABLE settings (value, name TEXT PRIMARY KEY);
         INSERT INTO settings VALUES ('text', 'text'), (42, 'number'), (1.5, 'real'), (NULL, 'null'),
           (x'00ff', 'bytes'), ('', 'empty'), (x'', 'no bytes'), (9223372036854775807, 'big'), ('ü', 'ü');`,
      );
    });

    it("takes each value by its type, from the one table of two columns", async () => {
      const target = freshTarget();
      await expectImported(`--from sqlite ${source}`, target, 9, folder);
      const entries = Object.fromEntries(await entriesOf(target));
      expect(entries).to.deep.equal({
        text: "text",
        number: 42,
        real: 1.5,
        null: null,
        bytes: Buffer.from([0, 255]),
        empty: "",
        "no bytes": Buffer.alloc(0),
        big: 9223372036854775807n,
        ü: "ü",
      });
    });

    it("takes text as JSON, from the table and columns that are named", async () => {
      const file = workspace.path("tables.db");
      await execute(
        file,
        `PRAGMA encoding = 'UTF-16';
         CREATE TABLE other (a);
         CREATE TABLE "the ""users""" (id INTEGER, doc TEXT, "e mail" TEXT);
         INSERT INTO "the ""users""" VALUES (1, '{"name": "Älice"}', 'a@b'), (20, '[1, "𝄞"]', 'c@d');`,
      );
      const target = freshTarget();
      const args = [
        "--from",
        "sqlite",
        file,
        "--table",
        'the "users"',
        "--encoding",
        "json",
        "--path",
        target,
      ];
      const columns = ["--key-column", "ID", "--value-column", "doc", "--prefix", "user:"];
      const options = { env: { TMPDIR: temporary }, ...(folder === undefined ? {} : { cwd: folder }) };
      expect(await workspace.run(["import", ...args, ...columns], options)).to.deep.include({
        code: 0,
        stderr: "",
      });
      expect(await entriesOf(target)).to.deep.equal([
        ["user:1", { name: "Älice" }],
        ["user:20", [1, "𝄞"]],
      ]);
      await expectUnusable(`--from sqlite ${file}`, /has the tables other, the "users": choose one/, folder);
      await expectUnusable(`--from sqlite ${file} --table none`, /There is no table none in/, folder);
      const noColumns = await workspace.run(["import", ...args], options);
      expect(noColumns.stderr).to.match(/has the columns id, doc, e mail: choose two with --key-column/);
      const wrong = await workspace.run(["import", ...args, "--key-column", "no"], options);
      expect(wrong.stderr).to.match(/has no column no, but id, doc, e mail/);
    });

    it("sees one moment of a database that others write to", async () => {
      const file = workspace.path("busy.db");
      const rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) ";
      await execute(
        file,
        `PRAGMA journal_mode = WAL; CREATE TABLE kv (k TEXT PRIMARY KEY, v TEXT);
         INSERT INTO kv ${rows} SELECT 'key:' || i, 'old' FROM n;`,
      );
      const target = freshTarget();
      const child = await startImport("sqlite", file, target, folder);
      await execute(file, "UPDATE kv SET v = 'new'; INSERT INTO kv VALUES ('more', 'new');");
      const [stdout, [code]] = await Promise.all([
        text(child.stdout!),
        once(child, "close") as Promise<[number]>,
      ]);
      expect({ code, stdout: stdout.split(":")[0] }).to.deep.equal({
        code: 0,
        stdout: "Imported 60000 entries",
      });
      const values = new Set((await entriesOf(target)).map(([, value]) => value));
      expect([...values]).to.deep.equal(["old"]);
    });

    it("refuses columns that are no keys, and text that is not well-formed", async () => {
      const file = workspace.path("bad.db");
      await execute(
        file,
        `CREATE TABLE twice (k, v); INSERT INTO twice VALUES ('1', 'a'), (1, 'b');
         CREATE TABLE real (k, v); INSERT INTO real VALUES (1.5, 'a');
         CREATE TABLE missing (k, v); INSERT INTO missing VALUES (NULL, 'a');
         CREATE TABLE text (k, v); INSERT INTO text VALUES ('a', CAST(x'c328' AS TEXT));`,
      );
      await expectUnusable(
        `--from sqlite ${file} --table twice`,
        /is no key: 2 rows have 1 different/,
        folder,
      );
      await expectUnusable(
        `--from sqlite ${file} --table missing`,
        /is no key: 1 rows have 0 different/,
        folder,
      );
      const target = freshTarget();
      const real = await run(`--from sqlite ${file} --table real --path ${target}`, folder);
      expect(real.stderr).to.match(/A key in .* is REAL: only TEXT, BLOB and INTEGER can be\n$/);
      const ill = await run(`--from sqlite ${file} --table text --path ${target}`, folder);
      expect(ill).to.deep.include({ code: 1, stdout: "" });
      expect(ill.stderr).to.match(/^Error: The value of a is not UTF-8, [^\n]*\n$/);
      await expectNothingIn(target);
    });

    it("loads nothing of a damaged file", async () => {
      const file = workspace.path("damaged.db");
      const rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) ";
      await execute(
        file,
        `CREATE TABLE kv (k TEXT PRIMARY KEY, v TEXT); INSERT INTO kv ${rows} SELECT 'key:' || i, 'value' FROM n;`,
      );
      await expectImported(`--from sqlite ${file}`, freshTarget(), 5_000, folder);
      const bytes = readFileSync(file);
      writeFileSync(file, bytes.fill(0xa5, 40_960, 45_056));
      await expectUnusable(`--from sqlite ${file}`, /is damaged: |malformed/, folder);
      writeFileSync(file, "no database at all, but long enough to have a header".repeat(20));
      await expectUnusable(`--from sqlite ${file}`, /file is not a database/, folder);
    });
  });
});
