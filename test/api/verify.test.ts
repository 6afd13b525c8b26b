import fs from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { FastKV } from "../../coordinator/fastkv.js";
import { type VerifyReport, verify } from "../../coordinator/maintenance/verify.js";
import { contentsOf, filesMatching, flipByte } from "../support/damage.js";
import { rejection } from "../support/errors.js";
import { useStores } from "./support/stores.js";

const keyOf = (index: number): string => `key:${String(index).padStart(5, "0")}`;

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
