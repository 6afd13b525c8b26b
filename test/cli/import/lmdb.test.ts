/** `fastkv import` as a real process, from real databases of LMDB. */

import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { open as openLmdb } from "lmdb";
import { FastKV } from "../../../coordinator/index.js";
import { useImports } from "../support/imports.js";

describe("fastkv import from LMDB", () => {
  const imports = useImports();
  let source: string;
  before(async () => {
    source = imports().workspace.path("lmdb");
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
    const target = imports().freshTarget();
    await imports().expectImported(`--from lmdb ${source} --database users --encoding json`, target, 5_000);
    const entries = await imports().entriesOf(target);
    expect(new Map(entries).get("user:4999")).to.deep.equal({ index: 4999, text: "x".repeat(100) });
    expect(readFileSync(join(source, "data.mdb")).equals(before)).to.equal(true);
  });

  it("decodes what the package lmdb writes by default", async () => {
    const target = imports().freshTarget();
    await imports().expectImported(
      `--from lmdb ${join(source, "data.mdb")} --database things --encoding msgpack`,
      target,
      5_000,
    );
    await using db = await FastKV.open(target);
    expect(await db.get("thing:7")).to.deep.equal({ index: 7, at: new Date(7), list: [7] });
  });

  it("takes a file without other databases whole, as bytes", async () => {
    const file = imports().workspace.path("plain.mdb");
    const root = openLmdb<string, string>({ path: file, encoding: "string" });
    await root.put("a", "x");
    await root.put("b", "y".repeat(48));
    await root.close();
    const target = imports().freshTarget();
    await imports().expectImported(`--from lmdb ${file}`, target, 2);
    expect(await imports().entriesOf(target)).to.deep.equal([
      ["a", Buffer.from("x")],
      ["b", Buffer.from("y".repeat(48))],
    ]);
  });

  it("wants to know which of several databases", async () => {
    await imports().expectUnusable(
      `--from lmdb ${source}`,
      / holds several databases, such as things: choose one with/,
    );
    await imports().expectUnusable(
      `--from lmdb ${source} --database nobody`,
      /There is no database nobody in/,
    );
  });

  it("refuses keys with several values", async () => {
    const file = imports().workspace.path("several.mdb");
    const root = openLmdb<string, string>({ path: file, encoding: "ordered-binary", dupSort: true });
    await root.put("a", "x");
    await root.put("a", "y");
    await root.close();
    const target = imports().freshTarget();
    const { code, stderr } = await imports().run(`--from lmdb ${file} --path ${target}`);
    expect({ code, stderr: stderr.replace(file, "FILE") }).to.deep.equal({
      code: 2,
      stderr: `Database created at ${target}\nError: FILE has several values for the key a (dupSort); a key of FastKV has one\n`,
    });
    await imports().expectNothingIn(target);
  });

  it("loads nothing of a damaged file", async () => {
    const cut = imports().damagedCopy(source, (folder) => truncateSync(join(folder, "data.mdb"), 200_000));
    await imports().expectUnusable(
      `--from lmdb ${cut} --database users`,
      /is damaged: it is shorter than it says/,
    );
    await imports().expectUnusable(`--from lmdb ${imports().temporary}`, /is no LMDB database/);
    const stranger = imports().damagedCopy(source, (folder) =>
      writeFileSync(join(folder, "data.mdb"), "hello ".repeat(9000)),
    );
    await imports().expectUnusable(
      `--from lmdb ${stranger}`,
      /is no LMDB database: it does not begin like one/,
    );
    const noise = imports().damagedCopy(source, (folder) => {
      const bytes = readFileSync(join(folder, "data.mdb"));
      writeFileSync(join(folder, "data.mdb"), bytes.fill(0xa5, 16_384));
    });
    const target = imports().freshTarget();
    const { code, stdout, stderr } = await imports().run(
      `--from lmdb ${noise} --database users --path ${target}`,
    );
    expect({ code, stdout }, stderr).to.deep.equal({ code: 2, stdout: "" });
    expect(stderr).to.match(/^Error: [^\n]*\n$/);
  });
});
