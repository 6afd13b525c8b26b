/** `fastkv import` as a real process, from real databases of SQLite. */

import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { useImports } from "../support/imports.js";
import { findSqlite, hasBuiltInSqlite } from "../support/sqlite.js";

describe("fastkv import from SQLite", () => {
  const imports = useImports();
  const sqlite = findSqlite();
  if (!hasBuiltInSqlite) {
    it("says what to install where neither Node nor a package has it", async () => {
      const file = imports().workspace.path("none.db");
      writeFileSync(file, "");
      await imports().expectUnusable(
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
    source = imports().workspace.path("app.db");
    await execute(
      source,
      `PRAGMA journal_mode = WAL;
       CREATE TABLE settings (value, name TEXT PRIMARY KEY);
       INSERT INTO settings VALUES ('text', 'text'), (42, 'number'), (1.5, 'real'), (NULL, 'null'),
         (x'00ff', 'bytes'), ('', 'empty'), (x'', 'no bytes'), (9223372036854775807, 'big'), ('ü', 'ü');`,
    );
  });

  it("takes each value by its type, from the one table of two columns", async () => {
    const target = imports().freshTarget();
    await imports().expectImported(`--from sqlite ${source}`, target, 9, folder);
    const entries = Object.fromEntries(await imports().entriesOf(target));
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
    const file = imports().workspace.path("tables.db");
    await execute(
      file,
      `PRAGMA encoding = 'UTF-16';
       CREATE TABLE other (a);
       CREATE TABLE "the ""users""" (id INTEGER, doc TEXT, "e mail" TEXT);
       INSERT INTO "the ""users""" VALUES (1, '{"name": "Älice"}', 'a@b'), (20, '[1, "𝄞"]', 'c@d');`,
    );
    const target = imports().freshTarget();
    const args = ["--from", "sqlite", file, "--table", 'the "users"', "--encoding", "json", "--path", target];
    const columns = ["--key-column", "ID", "--value-column", "doc", "--prefix", "user:"];
    const options = {
      env: { TMPDIR: imports().temporary },
      ...(folder === undefined ? {} : { cwd: folder }),
    };
    expect(await imports().workspace.run(["import", ...args, ...columns], options)).to.deep.include({
      code: 0,
      stderr: `Database created at ${target}\n`,
    });
    expect(await imports().entriesOf(target)).to.deep.equal([
      ["user:1", { name: "Älice" }],
      ["user:20", [1, "𝄞"]],
    ]);
    await imports().expectUnusable(
      `--from sqlite ${file}`,
      /has the tables other, the "users": choose one/,
      folder,
    );
    await imports().expectUnusable(`--from sqlite ${file} --table none`, /There is no table none in/, folder);
    const noColumns = await imports().workspace.run(["import", ...args], options);
    expect(noColumns.stderr).to.match(/has the columns id, doc, e mail: choose two with --key-column/);
    const wrong = await imports().workspace.run(["import", ...args, "--key-column", "no"], options);
    expect(wrong.stderr).to.match(/has no column no, but id, doc, e mail/);
  });

  it("sees one moment of a database that others write to", async () => {
    const file = imports().workspace.path("busy.db");
    const rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) ";
    await execute(
      file,
      `PRAGMA journal_mode = WAL; CREATE TABLE kv (k TEXT PRIMARY KEY, v TEXT);
       INSERT INTO kv ${rows} SELECT 'key:' || i, 'old' FROM n;`,
    );
    const target = imports().freshTarget();
    const child = await imports().startImport("sqlite", file, target, folder);
    await execute(file, "UPDATE kv SET v = 'new'; INSERT INTO kv VALUES ('more', 'new');");
    const [stdout, [code]] = await Promise.all([
      text(child.stdout!),
      once(child, "close") as Promise<[number]>,
    ]);
    expect({ code, stdout: stdout.split(":")[0] }).to.deep.equal({
      code: 0,
      stdout: "Imported 60000 entries",
    });
    const values = new Set((await imports().entriesOf(target)).map(([, value]) => value));
    expect([...values]).to.deep.equal(["old"]);
  });

  it("refuses columns that are no keys, and text that is not well-formed", async () => {
    const file = imports().workspace.path("bad.db");
    await execute(
      file,
      `CREATE TABLE twice (k, v); INSERT INTO twice VALUES ('1', 'a'), (1, 'b');
       CREATE TABLE real (k, v); INSERT INTO real VALUES (1.5, 'a');
       CREATE TABLE missing (k, v); INSERT INTO missing VALUES (NULL, 'a');
       CREATE TABLE text (k, v); INSERT INTO text VALUES ('a', CAST(x'c328' AS TEXT));`,
    );
    await imports().expectUnusable(
      `--from sqlite ${file} --table twice`,
      /is no key: 2 rows have 1 different/,
      folder,
    );
    await imports().expectUnusable(
      `--from sqlite ${file} --table missing`,
      /is no key: 1 rows have 0 different/,
      folder,
    );
    const target = imports().freshTarget();
    const real = await imports().run(`--from sqlite ${file} --table real --path ${target}`, folder);
    expect(real.stderr).to.match(/A key in .* is REAL: only TEXT, BLOB and INTEGER can be\n$/);
    const ill = await imports().run(`--from sqlite ${file} --table text --path ${target}`, folder);
    expect(ill).to.deep.include({ code: 1, stdout: "" });
    expect(ill.stderr).to.match(/^Error: The value of a is not UTF-8, [^\n]*\n$/);
    await imports().expectNothingIn(target);
  });

  it("loads nothing of a damaged file", async () => {
    const file = imports().workspace.path("damaged.db");
    const rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) ";
    await execute(
      file,
      `CREATE TABLE kv (k TEXT PRIMARY KEY, v TEXT); INSERT INTO kv ${rows} SELECT 'key:' || i, 'value' FROM n;`,
    );
    await imports().expectImported(`--from sqlite ${file}`, imports().freshTarget(), 5_000, folder);
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.fill(0xa5, 40_960, 45_056));
    await imports().expectUnusable(`--from sqlite ${file}`, /is damaged: |malformed/, folder);
    writeFileSync(file, "no database at all, but long enough to have a header".repeat(20));
    await imports().expectUnusable(`--from sqlite ${file}`, /file is not a database/, folder);
  });
});
