import fs from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { FastKV } from "../../coordinator/fastkv.js";
import { type RepairReport, repair } from "../../coordinator/maintenance/repair.js";
import { verify } from "../../coordinator/maintenance/verify.js";
import { contentsOf, filesMatching, flipByte } from "../support/damage.js";
import { rejection } from "../support/errors.js";
import { makeTemporaryFolder, removeTemporaryFolder } from "../support/temporary-folder.js";
import { useStores } from "./support/stores.js";

const count = 3_000;
const keyOf = (index: number): string => `key:${String(index).padStart(5, "0")}`;
const oldValue = (index: number): string => `old ${index} `.repeat(4);
const newValue = (index: number): string => `new ${index}`;

/** Half of the keys were written again, some by batches over both shards, after the tables were made. */
const isRewritten = (index: number): boolean => index % 2 === 0;

/** A closed database of two shards: tables of many blocks, and a WAL with newer values and deletes. */
async function fill(folder: string): Promise<void> {
  const store = await FastKV.open<string>(folder, { shards: 2, blockSize: 1024 });
  for (let index = 0; index < count; index++) {
    void store.put(keyOf(index), oldValue(index));
  }
  await store.flush();
  for (let index = 0; index < count; index += 2) {
    if (index % 100 === 0) {
      const batch = Array.from({ length: 50 }, (_, at) => index + 2 * at).filter((one) => one < count);
      await store.batchPut(batch.map((one): [string, string] => [keyOf(one), newValue(one)]));
    }
  }
  await store.close();
}

describe("repair", () => {
  const stores = useStores();

  /** Made once: each test damages a copy. */
  let original = "";
  before("fill a database", async () => {
    original = makeTemporaryFolder();
    await fill(original);
  });
  after(() => removeTemporaryFolder(original));

  /** The closed database of `fill`, in the test's own folder. */
  function copy(): string {
    const { folder } = stores();
    fs.cpSync(original, folder, { recursive: true });
    return folder;
  }

  interface Survivors {
    /** Keys with the newest value that was written. */
    newest: number;
    /** Keys with an older one. */
    older: string[];
    missing: string[];
  }

  /** Reads everything, in every way; fails for a value that was never written. */
  async function survivors(): Promise<Survivors> {
    const store = await stores().open<string>();
    const found: Survivors = { newest: 0, older: [], missing: [] };
    const scanned = new Map(await store.scan().toArray());
    expect(scanned.size).to.equal(await store.count());
    const values = await store.getMany(Array.from({ length: count }, (_, index) => keyOf(index)));
    values.forEach((value, index) => {
      const key = keyOf(index);
      expect(value, key).to.equal(scanned.get(key));
      const newest = isRewritten(index) ? newValue(index) : oldValue(index);
      if (value === newest) {
        found.newest += 1;
      } else if (value === undefined) {
        found.missing.push(key);
      } else {
        expect(value, key).to.equal(oldValue(index));
        found.older.push(key);
      }
    });
    // It works on as a database does.
    await store.put("after", "repair");
    await store.compact();
    await store.close();
    expect((await verify(stores().folder)).damages).to.equal(0);
    return found;
  }

  function expectRepaired(report: RepairReport): void {
    expect(report.wasDamaged).to.equal(true);
    expect(
      report.after.findings.filter(({ severity }) => severity === "damage"),
      "damage after the repair",
    ).to.deep.equal([]);
    expect(report.after.isSound).to.equal(true);
    for (const name of report.setAside) {
      expect(fs.existsSync(path.join(report.lostFolder!, name)), name).to.equal(true);
    }
  }

  /** Damages the only file that matches, and gives its name. */
  function damage(pattern: RegExp, change: (file: string) => void): string {
    const name = filesMatching(stores().folder, pattern).at(-1)!;
    change(path.join(stores().folder, name));
    return name;
  }

  const flipAt =
    (offset: number) =>
    (file: string): void =>
      flipByte(file, offset < 0 ? fs.statSync(file).size + offset : offset);
  /** Flips a byte in the part of a table whose offset stands at this place of the footer. */
  const flipPart =
    (place: number) =>
    (file: string): void => {
      const footer = fs.readFileSync(file).subarray(-64);
      flipByte(file, footer.readUInt32LE(place) + 20);
    };
  const remove = (file: string): void => fs.rmSync(file);

  it("leaves a sound database as it is", async () => {
    const folder = copy();
    const before = contentsOf(folder);
    const report = await repair(folder);
    expect(report).to.deep.include({ wasDamaged: false, losses: [], lostFolder: null, setAside: [] });
    expect(contentsOf(folder)).to.deep.equal(before);
  });

  for (const [what, pattern, change] of [
    ["a damaged CURRENT", /shard-000.CURRENT/, flipAt(30)],
    ["a missing CURRENT", /shard-000.CURRENT/, remove],
    ["a damaged filter of a table", /shard-000.*sst/, flipPart(0)],
    ["a damaged index of a table", /shard-000.*sst/, flipPart(16)],
    ["damaged properties of a table", /shard-000.*sst/, flipPart(24)],
    ["a damaged footer of a table", /shard-000.*sst/, flipAt(-20)],
    ["a damaged header of a table", /shard-000.*sst/, flipAt(38)],
    ["a damaged checksum of a table's header", /shard-000.*sst/, flipAt(61)],
    ["a damaged identity", /^FASTKV$/, flipAt(75)],
    ["a missing identity", /^FASTKV$/, remove],
    ["a damaged manifest", /shard-000.MANIFEST/, flipAt(130)],
    ["a missing manifest", /shard-000.MANIFEST/, remove],
    ["a damaged header of a manifest", /shard-000.MANIFEST/, flipAt(3)],
    ["a damaged header of a WAL segment", /shard-000.*wal/, flipAt(20)],
    ["a damaged batch log", /^batch-log/, flipAt(2_000)],
    ["a batch log with a damaged start", /^batch-log/, flipAt(70)],
    ["a missing batch log", /^batch-log/, remove],
  ] as const) {
    it(`brings everything back from ${what}`, async () => {
      const folder = copy();
      damage(pattern, change);
      expect((await verify(folder)).isSound).to.equal(false);
      expectRepaired(await repair(folder));
      expect(await survivors()).to.deep.equal({ newest: count, older: [], missing: [] });
    });
  }

  it("brings back from a damaged WAL what the batch log has", async () => {
    const folder = copy();
    const name = damage(/shard-001.*wal/, flipAt(2_000));
    const report = await repair(folder);
    expectRepaired(report);
    expect(report.setAside).to.include(name);
    expect(report.losses.map(({ file, offset }) => ({ file, offset }))).to.have.length(1);
    expect(await survivors()).to.deep.equal({ newest: count, older: [], missing: [] });
  });

  it("keeps the records before and behind damage in a WAL, and says which are lost", async () => {
    const store = await stores().open<string>({ shards: 1 });
    for (let index = 0; index < 300; index++) {
      await store.put(keyOf(index), "x".repeat(200));
    }
    await store.close();
    const folder = stores().folder;
    damage(/wal$/, flipAt(20_000));
    expect((await rejection(stores().open())).code).to.equal("FASTKV_CORRUPTION");
    const report = await repair(folder);
    expectRepaired(report);
    const [loss, ...others] = report.losses;
    expect(others).to.deep.equal([]);
    const [, behind, before] = /behind sequence number (\d+) before (\d+)/.exec(loss!.message)!;
    expect(Number(before) - Number(behind)).to.equal(2);
    const reopened = await stores().open<string>();
    const values = await reopened.getMany(Array.from({ length: 300 }, (_, index) => keyOf(index)));
    const lost = values.flatMap((value, index) => (value === undefined ? [index + 1] : []));
    expect(lost).to.deep.equal([Number(behind) + 1]);
    expect(await reopened.get(keyOf(299))).to.equal("x".repeat(200));
  });

  it("keeps the readable blocks of a table, and names the keys that are lost", async () => {
    const folder = copy();
    const name = damage(/shard-000.*sst/, (file) => {
      flipByte(file, 5_000);
      flipByte(file, 30_000);
    });
    const report = await repair(folder);
    expectRepaired(report);
    expect(report.setAside).to.deep.equal([name]);
    expect(report.losses.map((loss) => loss.file)).to.deep.equal([name, name]);
    const ranges = report.losses.map((loss) => ({
      from: JSON.parse(loss.keys!.from) as string,
      to: JSON.parse(loss.keys!.to) as string,
    }));
    const { missing, older, newest } = await survivors();
    expect(older).to.deep.equal([]);
    expect(missing.length).to.be.within(2, 60);
    expect(newest).to.equal(count - missing.length);
    for (const key of missing) {
      expect(
        ranges.some(({ from, to }) => from <= key && key <= to),
        key,
      ).to.equal(true);
    }
  });

  it("finds the blocks of a table that has lost its index, around a damaged one", async () => {
    const folder = copy();
    damage(/shard-000.*sst/, (file) => {
      flipByte(file, 12_000);
      fs.truncateSync(file, fs.statSync(file).size - 1_000);
    });
    const report = await repair(folder);
    expectRepaired(report);
    const { missing, older } = await survivors();
    expect(older).to.deep.equal([]);
    expect(missing.length).to.be.within(1, 30);
  });

  it("goes on without a missing table, and says which keys were in it", async () => {
    const folder = copy();
    const name = damage(/shard-000.*sst/, remove);
    const report = await repair(folder);
    expectRepaired(report);
    expect(report.losses[0]).to.deep.include({ file: name });
    expect(report.losses[0]!.keys).to.not.equal(undefined);
    const { newest, older, missing } = await survivors();
    expect(older).to.deep.equal([]);
    expect(missing.every((key) => Number(key.slice(4)) % 2 === 1)).to.equal(true);
    expect(newest).to.be.above(count / 2);
  });

  it("makes an empty shard in the place of a missing one", async () => {
    const folder = copy();
    fs.rmSync(path.join(folder, "shard-000"), { recursive: true });
    const report = await repair(folder);
    expectRepaired(report);
    expect(report.losses.map(({ message }) => message)).to.deep.equal([
      "all files of the shard are gone: all its keys are lost, except those in batches that the batch log has",
    ]);
    const { missing } = await survivors();
    expect(missing.length).to.be.within(count / 5, (count * 3) / 5);
  });

  it("refuses to guess how many shards there were where the keys show that some are missing", async () => {
    const folder = copy();
    fs.rmSync(path.join(folder, "FASTKV"));
    fs.rmSync(path.join(folder, "shard-001"), { recursive: true });
    const before = contentsOf(folder);
    expect((await rejection(repair(folder))).message).to.contain("whole shards are missing");
    expect(contentsOf(folder)).to.deep.equal(before);
  });

  it("rebuilds a tree of many levels with bulk loads, deletes and clears from damaged manifests", async () => {
    const store = await stores().open<string>({ shards: 2, maxMemtableSize: 65_536, levelOneSize: 65_536 });
    const model = new Map<string, string>();
    const put = (index: number, value: string): void => {
      model.set(keyOf(index), value);
      void store.put(keyOf(index), value);
    };
    for (let round = 0; round < 6; round++) {
      for (let index = round; index < 1_500; index += 2) {
        put(index, `${round} ${index} `.repeat(10));
      }
      await store.flush();
      const load = Array.from({ length: 200 }, (_, at): [string, string] => [
        keyOf(at * 5 + round),
        `load ${round}`,
      ]);
      await store.bulkLoad(load);
      for (const [key, value] of load) {
        model.set(key, value);
      }
      for (let index = round * 7; index < 1_500; index += 40) {
        model.delete(keyOf(index));
        void store.delete(keyOf(index));
      }
      await store.flush();
    }
    await store.compact();
    // In the WAL, and as the last word.
    for (let index = 0; index < 1_500; index += 11) {
      put(index, `last ${index}`);
    }
    await store.clear({ gte: keyOf(600), lt: keyOf(900) });
    for (const key of [...model.keys()].filter((one) => one >= keyOf(600) && one < keyOf(900))) {
      model.delete(key);
    }
    await store.close();
    const folder = stores().folder;
    for (const name of filesMatching(folder, /MANIFEST/)) {
      flipByte(path.join(folder, name), 150);
    }
    expect((await rejection(stores().open())).code).to.equal("FASTKV_CORRUPTION");
    expectRepaired(await repair(folder));
    const reopened = await stores().open<string>();
    expect(new Map(await reopened.scan().toArray())).to.deep.equal(
      new Map([...model].sort(([a], [b]) => (a < b ? -1 : 1))),
    );
  });
});
