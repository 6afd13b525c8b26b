import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { FastKV } from "../../coordinator/fastkv.js";
import { type VerifyReport, verify } from "../../coordinator/maintenance/verify.js";
import { decodeFileHeader } from "../../shared/format/file-header.js";
import type { LogRecord } from "../../shared/record-log/log-file.js";
import { RecordLogWriter, readLog } from "../../shared/record-log/record-log.js";
import { NodeFileSystem } from "../../shared/storage/node-file-system.js";
import { contentsOf, filesMatching, flipByte } from "../support/damage.js";
import { rejection } from "../support/errors.js";
import { useStores } from "./support/stores.js";

const keyOf = (index: number): string => `key:${String(index).padStart(5, "0")}`;

/** Writes a log anew, with other contents in its records, all its checksums right. */
async function rewriteLog(file: string, change: (payload: Buffer) => void): Promise<void> {
  const fileSystem = new NodeFileSystem();
  const expected = decodeFileHeader(fs.readFileSync(file), file);
  const records: LogRecord[] = [];
  readLog(fileSystem, file, {
    expected,
    mayBeTorn: false,
    onRecord: (record) => {
      records.push({ ...record, payload: Buffer.from(record.payload) });
      return true;
    },
  });
  fs.rmSync(file);
  const writer = RecordLogWriter.create(fileSystem, file, expected);
  for (const { type, firstSequence, timeMs, payload } of records) {
    change(payload);
    writer.append(type, firstSequence, timeMs, payload);
  }
  writer.sync();
  await writer.close();
}

describe("verify", () => {
  const stores = useStores();

  /** A closed database of two shards, with tables of several blocks, a WAL and logged batches. */
  async function fill(): Promise<string> {
    const store = await stores().open<string>({ shards: 2 });
    for (let index = 0; index < 2_000; index++) {
      void store.put(keyOf(index), `value ${index} `.repeat(4));
    }
    await store.flush();
    await store.batchPut(Array.from({ length: 100 }, (_, index) => [keyOf(index), "new"]));
    await store.close();
    return stores().folder;
  }

  const damagesOf = (report: VerifyReport): string[] =>
    report.findings
      .filter((finding) => finding.severity === "damage")
      .map(({ file, offset, message }) => `${file}@${offset ?? ""}: ${message}`);

  it("finds one sound that was cleared where there was nothing, and flushed", async () => {
    const store = await stores().open<number>({ shards: 2 });
    await store.batchPut(Array.from({ length: 10 }, (_, index) => [keyOf(index), index]));
    await store.clear({ prefix: "nobody has this" });
    await store.flush();
    await store.clear({ prefix: "nor this" });
    await store.close();
    const report = await verify(stores().folder);
    expect(report.findings).to.deep.equal([]);
    const again = await stores().open<number>();
    expect(await again.count()).to.equal(10);
    await again.close();
  });

  it("finds a database that was closed sound, and changes nothing", async () => {
    const folder = await fill();
    const before = contentsOf(folder);
    const report = await verify(folder);
    expect(report).to.deep.include({
      path: folder,
      isSound: true,
      wasClosed: true,
      shards: 2,
      tables: 2,
      entries: 2_000,
      findings: [],
      damages: 0,
    });
    expect(contentsOf(folder)).to.deep.equal(before);
    const store = await stores().open<string>();
    expect(await store.get(keyOf(1_999))).to.equal("value 1999 ".repeat(4));
  });

  it("finds a batch sound of which a flush has kept only that it expired", async () => {
    const store = await stores().open<string>({ shards: 2 });
    const keys = Array.from({ length: 20 }, (_, index) => keyOf(index));
    await store.batchPut(keys.map((key) => [key, "older"]));
    await store.flush();
    await store.batchPut(
      keys.map((key) => [key, "newer"]),
      { ttl: 1 },
    );
    while ((await store.count()) > 0) {
      await store.get(keyOf(0));
    }
    await store.flush();
    await store.close();
    expect(damagesOf(await verify(stores().folder))).to.deep.equal([]);
  });

  it("names file, offset and keys of a damaged block, and reads on behind it", async () => {
    const folder = await fill();
    const [first, second] = filesMatching(folder, /\.sst$/) as [string, string];
    flipByte(path.join(folder, first), 64 + 10);
    flipByte(path.join(folder, first), 20_000);
    flipByte(path.join(folder, second), 9_000);
    const report = await verify(folder);
    expect(report.isSound).to.equal(false);
    expect(report.damages).to.equal(3);
    expect(report.findings.map((finding) => finding.file)).to.deep.equal([first, first, second]);
    expect(report.findings[0]).to.deep.include({
      severity: "damage",
      shard: 0,
      offset: 64,
      message: "wrong checksum of a block",
    });
    const { from, to } = report.findings[1]!.keys!;
    expect(from < to, `${from} before ${to}`).to.equal(true);
    expect(report.entries).to.be.within(1_700, 1_999);
  });

  it("tells of files that are missing or have another size", async () => {
    const folder = await fill();
    const [first, second] = filesMatching(folder, /\.sst$/) as [string, string];
    fs.rmSync(path.join(folder, first));
    fs.truncateSync(path.join(folder, second), 5_000);
    const [missing, cut] = damagesOf(await verify(folder));
    expect(missing).to.equal(`${first}@: the file is missing`);
    expect(cut).to.match(/^shard-001.*@5000: the file has 5000 bytes, not \d+$/);
  });

  it("sees each kind of file when a byte of it is changed", async () => {
    const folder = await fill();
    const sound = fs.mkdtempSync(path.join(stores().root, "sound-"));
    fs.cpSync(folder, sound, { recursive: true });
    for (const [pattern, offset, expected] of [
      [/^FASTKV$/, 70, /FASTKV@68: wrong checksum/],
      [/^FASTKV$/, 20, /FASTKV@0: wrong checksum of the file header/],
      // At the end of the log that is what a crash leaves, too: the shards know better.
      [/^batch-log/, 130, /wal@128: batch \d+ has no record in the batch log/],
      [/^batch-log/, 20, /batch-log-\d+@0: wrong checksum of the file header/],
      [/shard-000.CURRENT/, 20, /CURRENT@0: wrong checksum/],
      [/shard-000.MANIFEST/, 20, /MANIFEST-\d+@0: wrong checksum of the file header/],
      [/shard-000.MANIFEST/, 120, /MANIFEST-\d+@64: wrong checksum of a record; a later record/],
      [/shard-001.*wal$/, 200, /wal@128: wrong checksum of a record \(\d+ bytes cannot be read\)/],
      [/shard-001.*wal$/, 70, /wal@64: no valid record header/],
      [/shard-001.*sst$/, 20, /sst@0: wrong checksum of the file header/],
      [/shard-001.*sst$/, -30, /sst@\d+: wrong checksum of the footer/],
      [/shard-001.*sst$/, -100, /sst@\d+: wrong checksum of a block/],
    ] as const) {
      fs.rmSync(folder, { recursive: true });
      fs.cpSync(sound, folder, { recursive: true });
      const name = filesMatching(folder, pattern).at(-1)!;
      const file = path.join(folder, name);
      flipByte(file, offset < 0 ? fs.statSync(file).size + offset : offset);
      const report = await verify(folder);
      expect(damagesOf(report).join("\n"), `${name} at ${offset}`).to.match(expected);
      expect(report.isSound).to.equal(false);
    }
  });

  it("names the key of a value that is no value of its encoding, although its checksums are right", async () => {
    const folder = stores().folder;
    const store = await stores().open({ shards: 1 });
    await store.put("sound", { a: 1 });
    await store.put("broken", { bad: 1 });
    await store.put("packed", { a: 1 }, { encoding: "msgpack" });
    await store.close();
    const [wal] = filesMatching(folder, /\.wal$/) as [string];
    await rewriteLog(path.join(folder, wal), (payload) => {
      const at = payload.indexOf('{"bad"');
      if (at >= 0) {
        payload[at] = "?".charCodeAt(0);
      }
    });
    const report = await verify(folder);
    expect(report.findings).to.have.length(1);
    expect(report.findings[0]).to.deep.include({
      severity: "damage",
      file: wal,
      keys: { from: '"broken"', to: '"broken"' },
    });
    expect(report.findings[0]!.message).to.match(
      /^a value cannot be decoded \(.+\): put the key again, or delete it$/,
    );
    const again = await stores().open();
    await again.delete("broken");
    await again.flush();
    await again.close();
    expect((await verify(folder)).findings).to.deep.equal([]);
  });

  it("sees that any one file is missing", async () => {
    const folder = await fill();
    const sound = fs.mkdtempSync(path.join(stores().root, "sound-"));
    fs.cpSync(folder, sound, { recursive: true });
    for (const name of filesMatching(folder, /^(?!OWNER-)/)) {
      fs.rmSync(path.join(folder, name));
      const report = await verify(folder);
      expect(damagesOf(report).join("\n"), name).to.match(/missing/);
      fs.copyFileSync(path.join(sound, name), path.join(folder, name));
    }
    expect((await verify(folder)).findings).to.deep.equal([]);
    fs.rmSync(path.join(folder, "shard-001"), { recursive: true });
    expect(damagesOf(await verify(folder))).to.deep.equal(["shard-001@: the folder of a shard is missing"]);
  });

  it("sees a file that stands in the place of another shard's or database's", async () => {
    const folder = await fill();
    const tables = filesMatching(folder, /\.sst$/).map((name) => path.join(folder, name));
    fs.copyFileSync(tables[0]!, tables[1]!);
    const other = await stores().open({ shards: 2 }, "other");
    await other.put("a", 1);
    await other.close();
    const current = path.join("shard-000", "CURRENT");
    fs.copyFileSync(path.join(stores().root, "other", current), path.join(folder, current));
    expect(damagesOf(await verify(folder)).join("\n"))
      .to.match(/shard-000.CURRENT@16: .*another database/)
      .and.match(/shard-001.*sst@32: the file belongs to shard 0, not 1/);
  });

  it("holds the batch log against the shards", async () => {
    const folder = await fill();
    const [log] = filesMatching(folder, /^batch-log/) as [string];
    const [wal] = filesMatching(folder, /shard-001.*wal$/).slice(-1) as [string];
    const sound = fs.readFileSync(path.join(folder, log));
    // Only the record that starts the log is left.
    fs.writeFileSync(path.join(folder, log), sound.subarray(0, 64 + 48 + 8));
    const unlogged = damagesOf(await verify(folder));
    expect(unlogged).to.have.length(2);
    expect(unlogged[1]).to.match(/shard-001.*wal@128: batch \d+ has no record in the batch log/);
    fs.writeFileSync(path.join(folder, log), sound);
    fs.truncateSync(path.join(folder, wal), 64);
    expect(damagesOf(await verify(folder)).join("\n")).to.match(
      /the part of batch \d+, which the batch log has, is missing/,
    );
  });

  it("takes what kill -9 leaves for no damage, and leaves it as it is", async () => {
    const folder = stores().folder;
    const code = `
      import { FastKV } from ${JSON.stringify(new URL("../../coordinator/index.js", import.meta.url).href)};
      const db = await FastKV.open(${JSON.stringify(folder)}, { shards: 2, maxMemtableSize: 65536 });
      for (let round = 0; round < 40; round++) {
        await db.batchPut(Array.from({ length: 200 }, (_, index) => ["k" + round + ":" + index, "x".repeat(100)]));
      }
      process.kill(process.pid, "SIGKILL");
    `;
    const program = spawnSync(process.execPath, ["--input-type=module", "-e", code]);
    expect(program.signal, program.stderr.toString()).to.equal("SIGKILL");
    const report = await verify(folder);
    const before = contentsOf(folder);
    const again = await verify(folder);
    expect(contentsOf(folder)).to.deep.equal(before);
    expect(again).to.deep.equal(report);
    expect(report).to.deep.include({ isSound: true, wasClosed: false, damages: 0 });
    // A crash may also cut a write short.
    const wal = filesMatching(folder, /shard-000.*wal$/).findLast(
      (name) => fs.statSync(path.join(folder, name)).size > 64,
    )!;
    fs.appendFileSync(path.join(folder, wal), Buffer.alloc(100, 1));
    const torn = await verify(folder);
    expect(torn.isSound).to.equal(true);
    expect(torn.findings.map(({ severity, message }) => `${severity}: ${message}`)).to.include(
      "note: torn tail: what a crash cut short, or damage at the very end",
    );
    const store = await stores().open<string>();
    expect(await store.count()).to.equal(8_000);
  });

  it("examines bulk loads, range deletes, many levels and every encoding without false alarms", async () => {
    const store = await stores().open<unknown>({ shards: 3, maxMemtableSize: 65_536, levelOneSize: 65_536 });
    for (let round = 0; round < 10; round++) {
      await store.bulkLoad(Array.from({ length: 500 }, (_, index) => [keyOf(index * 7 + round), round]));
      await store.batchPut(
        Array.from({ length: 1_000 }, (_, index) => [keyOf(index * 3), "y".repeat(50)]),
        { ttl: 1_000_000 },
      );
      await store.clear({ gte: keyOf(round * 100), lt: keyOf(round * 100 + 90) });
      await store.put("m", new Map([[1, 2]]), { encoding: "structured" });
      await store.put("b", new Uint8Array(300), { encoding: "binary" });
      await store.delete(keyOf(round));
    }
    await store.close();
    const report = await verify(stores().folder);
    // A merge that the closing ended leaves a file behind, which is a note.
    expect(damagesOf(report)).to.deep.equal([]);
    expect(report.tables).to.be.above(5);
    const reopened = await stores().open<unknown>();
    await reopened.compact();
    await reopened.close();
    expect(damagesOf(await verify(stores().folder))).to.deep.equal([]);
  });

  it("is refused while the database is open, and refuses folders that hold none", async () => {
    const store = await stores().open();
    expect((await rejection(verify(stores().folder))).code).to.equal("FASTKV_LOCKED");
    await store.close();
    expect((await rejection(verify(path.join(stores().root, "none")))).code).to.equal("FASTKV_NOT_FOUND");
    expect((await rejection(verify(stores().root))).code).to.equal("FASTKV_NOT_A_DATABASE");
    expect((await rejection(verify(""))).code).to.equal("FASTKV_INVALID_OPTION");
  });

  it("locks out openers while it works, and ends when it is aborted", async () => {
    const folder = await fill();
    const abort = new AbortController();
    const running = verify(folder, { signal: abort.signal });
    expect((await rejection(FastKV.open(folder))).code).to.equal("FASTKV_LOCKED");
    abort.abort();
    expect((await rejection(running)).code).to.equal("FASTKV_ABORTED");
    expect((await verify(folder)).isSound).to.equal(true);
  });
});
