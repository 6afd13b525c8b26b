/** `fastkv import` as a real process, from real databases of LevelDB. */

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, statSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { ClassicLevel } from "classic-level";
import { FastKV } from "../../../coordinator/index.js";
import { flipByte, listing, useImports } from "../support/imports.js";
import { TestTerminal } from "../support/terminal.js";

const bigEntries = 150_000;

describe("fastkv import from LevelDB", () => {
  const imports = useImports();
  let source: string;
  let big: string;
  before(async () => {
    source = imports().workspace.path("level");
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

    big = imports().workspace.path("big");
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
    const target = imports().freshTarget();
    await imports().expectImported(`--from leveldb ${source} --encoding json`, target, 6_001);
    const entries = new Map(await imports().entriesOf(target));
    expect(entries.size).to.equal(6_001);
    expect(entries.get("log:1")).to.equal(1);
    expect(entries.get("table:2:1999")).to.deep.equal({ round: 2, index: 1999, text: "é".repeat(40) });
    expect(listing(source)).to.deep.equal(before);
  });

  it("takes bytes as they are, with any key, behind a prefix", async () => {
    const odd = imports().workspace.path("odd");
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
    const target = imports().freshTarget();
    await imports().expectImported(`--from leveldb ${odd} --prefix old:`, target, 3);
    await using store = await FastKV.open(target);
    for (const [key, value] of pairs) {
      expect(await store.get(Buffer.concat([Buffer.from("old:"), key]))).to.deep.equal(Buffer.from(value));
    }
    expect(await store.count({ prefix: "old:" })).to.equal(3);
  });

  it("replaces keys that are there, leaves the others, and says what it did as JSON", async () => {
    const target = imports().freshTarget();
    {
      await using db = await FastKV.open(target);
      await db.put("log:1", "old");
      await db.put("other", "stays");
    }
    const { code, stdout } = await imports().run(
      `--from leveldb ${source} --encoding utf8 --path ${target} --json`,
    );
    expect({ code, result: JSON.parse(stdout) as unknown }).to.deep.equal({
      code: 0,
      result: { source: 6_001, loaded: 6_001, keys: 6_002 },
    });
    const entries = new Map(await imports().entriesOf(target));
    expect(entries.get("log:1")).to.equal("1");
    expect(entries.get("other")).to.equal("stays");
  });

  it("loads nothing where one value is not what it was said to be", async () => {
    const bad = imports().workspace.path("bad-value");
    const db = new ClassicLevel<string, string>(bad);
    await db.batch([
      { type: "put", key: "a", value: "1" },
      { type: "put", key: "b", value: "{" },
    ]);
    await db.close();
    const target = imports().freshTarget();
    const { code, stderr } = await imports().run(`--from leveldb ${bad} --encoding json --path ${target}`);
    expect(code).to.equal(1);
    expect(stderr).to.match(/^Database created at .*\nError: The value of b is not JSON: [^\n]*\n$/);
    await imports().expectNothingIn(target);
  });

  it("is refused while another program has the source open", async () => {
    const db = new ClassicLevel<string, string>(source);
    await db.open();
    try {
      await imports().expectUnusable(`--from leveldb ${source}`, /is open in another program/);
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
      const copy = imports().damagedCopy(source, (folder) => flipByte(join(folder, name), 10));
      await imports().expectUnusable(`--from leveldb ${copy}`, /is damaged: .*Nothing was loaded/);
    }
    const table = files.find((name) => name.endsWith(".ldb"))!;
    const manifest = files.find((name) => name.startsWith("MANIFEST"))!;
    const torn = imports().damagedCopy(source, (folder) =>
      truncateSync(join(folder, manifest), statSync(join(folder, manifest)).size - 3),
    );
    await imports().expectUnusable(
      `--from leveldb ${torn}`,
      /it ends in the midst of a record\. If that was a crash/,
    );
    const cut = imports().damagedCopy(source, (folder) => truncateSync(join(folder, table), 5_000));
    await imports().expectUnusable(`--from leveldb ${cut}`, /is damaged: it does not end as a table does/);
    const noTable = imports().damagedCopy(source, (folder) => execFileSync("rm", [join(folder, table)]));
    await imports().expectUnusable(`--from leveldb ${noTable}`, /ldb is damaged: it is missing/);
    await imports().expectUnusable(`--from leveldb ${imports().temporary}`, /is no LevelDB database/);
  });

  it("minds no table that a crash left half-written", async () => {
    const copy = imports().damagedCopy(source, (folder) => writeFileSync(join(folder, "999999.ldb"), "half"));
    await imports().expectImported(`--from leveldb ${copy}`, imports().freshTarget(), 6_001);
  });

  it("leaves nothing when it is interrupted, and can be done again", async () => {
    const target = imports().freshTarget();
    const child = await imports().startImport("leveldb", big, target);
    child.kill("SIGINT");
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout!),
      text(child.stderr!),
      once(child, "close") as Promise<[number]>,
    ]);
    expect({ code, stdout, stderr }).to.deep.equal({
      code: 130,
      stdout: "",
      stderr: `Database created at ${target}\n`,
    });
    await imports().expectNothingIn(target);
    await imports().expectImported(`--from leveldb ${big}`, target, bigEntries);
  });

  it("loads nothing of a source that changes meanwhile", async () => {
    const target = imports().freshTarget();
    const child = await imports().startImport("leveldb", big, target);
    utimesSync(join(big, "CURRENT"), 1, 1);
    const [stderr, [code]] = await Promise.all([
      text(child.stderr!),
      once(child, "close") as Promise<[number]>,
    ]);
    expect(stderr).to.match(/^Database created at .*\nError: .* changed while it was read\. [^\n]*\n$/);
    expect(code).to.equal(2);
    await imports().expectNothingIn(target);
  });

  it("loads nothing when its reader crashes", async () => {
    const target = imports().freshTarget();
    const child = await imports().startImport("leveldb", big, target);
    const processes = execFileSync("ps", ["-A", "-o", "pid=,ppid=,args="], { encoding: "utf8" }).split("\n");
    const reader = processes
      .map((line) => /^\s*(\d+)\s+(\d+)\s.*reader-main\.js/.exec(line))
      .find((match) => Number(match?.[2]) === child.pid);
    process.kill(Number(reader![1]), "SIGSEGV");
    const [stderr, [code]] = await Promise.all([
      text(child.stderr!),
      once(child, "close") as Promise<[number]>,
    ]);
    expect(stderr).to.match(
      /^Database created at .*\nError: .* is damaged, .*its reader crashed \(SIGSEGV\)\. Nothing was loaded\n$/,
    );
    expect(code).to.equal(2);
    await imports().expectNothingIn(target);
  });

  it("shows on a terminal how far it is", async () => {
    const terminal = new TestTerminal(
      imports().workspace.folder,
      ["import", "--from", "leveldb", big, "--path", imports().freshTarget()],
      { TMPDIR: imports().temporary },
    );
    expect(await terminal.exited).to.equal(0);
    expect(terminal.raw).to.match(/Importing [█░]+ +\d+%/);
    expect(terminal.text()).to.contain(`Imported ${bigEntries} entries`);
  });
});
