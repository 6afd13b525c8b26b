import { execFile } from "node:child_process";
import { readdir, readFile, readlink, symlink } from "node:fs/promises";
import { promisify } from "node:util";
import { expect } from "chai";
import { FastKV, type StoredEntry } from "../../coordinator/index.js";
import { cliEnvironment, cliProgram, Workspace } from "./support/cli.js";

const shardCounts = [1, 2, 5];

describe("fastkv export | fastkv bulk", () => {
  let workspace: Workspace;
  before(async () => {
    workspace = await Workspace.create();
    await using db = await FastKV.open(workspace.path("a"), { shards: 2 });
    await fill(db);
  });
  after(() => workspace.remove());

  /** Every encoding, kind of key and expiry, in tables and in the log. */
  async function fill(db: FastKV): Promise<void> {
    const hour = 3_600_000;
    await db.put("", null);
    await db.put("json", { "10": 1, "9": [null, 1e21, -0.5, "é\u2028𝄞\u0000\\"], nested: { "": {} } });
    await db.put("json:__proto__", JSON.parse('{"__proto__": {"a": 1}, "key": {"base64": "AAEC"}}'));
    await db.put('key with "quotes"\n\t\u0000 and 𝄞', "text", { ttl: hour });
    await db.put(new Uint8Array([0xff, 0x00, 0x80]), [1, 2, 3], { ttl: 24 * hour });
    await db.flush();
    await db.put("msgpack", { a: [1, new Uint8Array([1, 2])], at: new Date(5) }, { encoding: "msgpack" });
    await db.put("structured", new Map<unknown, unknown>([[1n, new Set([/x/g, Number.NaN])]]), {
      encoding: "structured",
      ttl: hour,
    });
    await db.put("binary", new Uint8Array([0, 255, 10, 13]), { encoding: "binary" });
    await db.put("binary:buffer", Buffer.from("a Buffer"), { encoding: "binary" });
    await db.put("binary:empty", new Uint8Array(0), { encoding: "binary" });
    await db.put(new Uint8Array([0xc3, 0x28]), Buffer.from([0xc3]), { encoding: "binary", ttl: hour });
    await db.put("long", "x".repeat(300_000));
    await db.put("deleted", 1);
    await db.delete("deleted");
    await db.put("expired", 1, { ttl: 1 });
  }

  async function stored(name: string): Promise<StoredEntry<Uint8Array>[]> {
    await using db = await FastKV.open(workspace.path(name));
    return await db.storedEntries({ keyEncoding: "binary" }).toArray();
  }

  for (const shards of shardCounts) {
    it(`copies a database exactly into ${shards} shards`, async () => {
      const target = `b-${shards}`;
      const { stdout, stderr } = await promisify(execFile)(
        "sh",
        [
          "-c",
          `"$0" "$1" export --path a | "$0" "$1" bulk --path ${target} --shards ${shards} -`,
          process.execPath,
          cliProgram,
        ],
        { cwd: workspace.folder, env: cliEnvironment(workspace.folder) },
      );
      const original = await stored("a");
      expect({ stdout, stderr }).to.deep.equal({
        stdout: `Loaded ${original.length} items\n`,
        stderr: `Database created at ${target}\n`,
      });
      expect(original).to.have.length(12);
      expect(new Set(original.map(({ encoding }) => encoding)).size, "encodings").to.equal(4);
      expect(original.filter(({ expiresAt }) => expiresAt !== undefined)).to.have.length(4);
      expect(await stored(target)).to.deep.equal(original);
    });
  }

  it("writes to a file as to stdout, and through a link", async () => {
    const { stdout } = await workspace.run(["export", "--path", "a"]);
    await symlink("real.jsonl", workspace.path("link.jsonl"));
    for (const [file, target] of [
      ["plain.jsonl", "plain.jsonl"],
      ["link.jsonl", "real.jsonl"],
      ["link.jsonl", "real.jsonl"],
    ] as const) {
      const result = await workspace.run(["export", "--path", "a", "-o", file]);
      expect(result).to.deep.equal({ code: 0, stdout: "Exported 12 items\n", stderr: "" });
      expect(await readFile(workspace.path(target), "utf8")).to.equal(stdout);
    }
    expect(await readlink(workspace.path("link.jsonl"))).to.equal("real.jsonl");
    expect((await readdir(workspace.folder)).filter((name) => name.endsWith(".part"))).to.deep.equal([]);
  });

  it("loads nothing of an export that was cut off", async () => {
    const { stdout } = await workspace.run(["export", "--path", "a"]);
    const result = await workspace.run(["bulk", "-", "--path", "cut"], { input: stdout.slice(0, -20) });
    expect(result.code).to.equal(1);
    expect(result.stderr).to.match(/^Database created at cut\nError: Line 12 is not JSON: .*\n$/);
    expect(await stored("cut")).to.deep.equal([]);
  });
});
