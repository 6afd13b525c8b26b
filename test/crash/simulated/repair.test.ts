/**
 * Verify and repair on the simulated disk: databases with every kind of file, damaged at random, and crashed while they
 * are repaired. What is found sound must be right, and what is repaired must hold nothing that was never written.
 */

import { expect } from "chai";
import type { FastKV } from "../../../coordinator/fastkv.js";
import { type RepairReport, repairIn } from "../../../coordinator/maintenance/repair.js";
import { verifyIn } from "../../../coordinator/maintenance/verify.js";
import { FastKVError } from "../../../shared/errors.js";
import type { FileSystem } from "../../../shared/storage/file-system.js";
import { rounds } from "../../model/rounds.js";
import { InProcessLauncher } from "../../support/in-process-launcher.js";
import { itWithRandom, type Random } from "../../support/random.js";
import { SimulatedFileSystem } from "../../support/simulated-file-system.js";
import {
  maintenanceOn,
  openSimulated,
  restart,
  SteppedClock,
  storeFolder,
} from "../../support/simulated-store.js";

const keyCount = 120;
const keyOf = (index: number): string => `key${String(index).padStart(4, "0")}`;

/** The same files on a disk that can no longer read one byte of one of them. */
function withBadByte(disk: SimulatedFileSystem, badPath: string, badByte: number): FileSystem {
  const inode = disk.contentOf(badPath);
  return new Proxy<FileSystem>(disk, {
    get: (_, name: keyof FileSystem) => {
      if (name !== "open") {
        return disk[name].bind(disk);
      }
      return (path: string, mode: "read" | "update") => {
        const handle = disk.open(path, mode);
        if (!disk.contentOf(path).equals(inode)) {
          return handle;
        }
        const read = handle.read.bind(handle);
        handle.read = (target, position) => {
          if (position <= badByte && badByte < position + target.byteLength) {
            const cause = Object.assign(new Error("EIO"), { code: "EIO" });
            throw new FastKVError("FASTKV_IO", `Cannot read ${path}: EIO`, { cause });
          }
          return read(target, position);
        };
        return handle;
      };
    },
  });
}

interface Base {
  disk: SimulatedFileSystem;
  /** It was closed: every byte of it counts. After a crash, a damaged end is what a crash may leave. */
  isClosed: boolean;
  /** What it holds. */
  contents: Map<string, string>;
  /** All values that a key ever had. */
  written: Map<string, Set<string>>;
}

async function contentsOf(db: FastKV): Promise<Map<string, string>> {
  return new Map((await db.scan().toArray()) as [string, string][]);
}

/** A database that was closed or crashed, with several levels, loads, clears, batches and a WAL. */
async function makeBase(random: Random, isClosed = true): Promise<Base> {
  const disk = new SimulatedFileSystem({ random: random.fork(), folders: ["/data"] });
  const { db } = await openSimulated(disk, new SteppedClock(), { shards: 2, maxMemtableSize: 65_536 });
  const written = new Map<string, Set<string>>();
  let serial = 0;
  const newValue = (key: string): string => {
    serial += 1;
    const value = `${key}=${serial}:${"x".repeat(random.int(80))}`;
    written.set(key, (written.get(key) ?? new Set()).add(value));
    return value;
  };
  const someKey = (): string => keyOf(random.int(keyCount));
  const pairs = (count: number): [string, string][] =>
    [...new Set(Array.from({ length: count }, someKey))].map((key) => [key, newValue(key)]);
  for (let step = 0; step < 60; step++) {
    switch (random.int(8)) {
      case 0:
        await db.batchPut(pairs(random.between(2, 20)));
        break;
      case 1:
        await db.delete(someKey());
        break;
      case 2:
        await db.flush();
        break;
      case 3:
        if (random.chance(0.3)) {
          await db.bulkLoad(pairs(30));
        }
        break;
      case 4:
        if (random.chance(0.3)) {
          const from = random.int(keyCount);
          await db.clear({ gte: keyOf(from), lt: keyOf(from + 20) });
        }
        break;
      default:
        for (const [key, value] of pairs(8)) {
          await db.put(key, value);
        }
    }
  }
  const contents = await contentsOf(db);
  if (isClosed) {
    await db.close();
    return { disk, isClosed, contents, written };
  }
  for (const [key, value] of pairs(10)) {
    void db.put(key, value).catch(() => undefined);
  }
  void db.batchPut(pairs(10)).catch(() => undefined);
  const crashed = restart(disk, random, "keepAll");
  await db.close().catch(() => undefined);
  return { disk: crashed, isClosed, contents, written };
}

/** What all processes leave when they are killed now. A last batch has what is obsolete removed before. */
async function killNow(
  db: FastKV,
  disk: SimulatedFileSystem,
  random: Random,
): Promise<Pick<Base, "disk" | "contents">> {
  await db.batchPut(
    ["~1", "~2", "~3"].map((key) => [key, "1"]),
    { durability: "sync" },
  );
  const contents = await contentsOf(db);
  const killed = restart(disk, random, "keepAll");
  await db.close().catch(() => undefined);
  return { disk: killed, contents };
}

/**
 * A database whose processes were killed behind flushes, compactions and bulk loads: the ends of its manifests say what
 * nothing else says. Loads have keys of their own, since without a manifest their place among other writes is a guess.
 */
async function makeKilledBase(
  random: Random,
  end: "flush" | "load",
): Promise<Pick<Base, "disk" | "contents">> {
  const disk = new SimulatedFileSystem({ random: random.fork(), folders: ["/data"] });
  const { db } = await openSimulated(disk, new SteppedClock(), { shards: 2, maxMemtableSize: 65_536 });
  // With few steps nothing is compacted.
  for (let step = random.pick([1, 2, 3, 10]); step > 0; step--) {
    const keys = Array.from({ length: random.between(1, 40) }, () => random.int(100));
    for (const key of keys) {
      await (random.chance(0.2) ? db.delete(keyOf(key)) : db.put(keyOf(key), `${step} ${key}`));
    }
    if (random.chance(0.6) || (step === 1 && end === "flush")) {
      await db.flush();
    }
    if (step === 1 ? end === "load" : random.chance(0.4)) {
      await db.bulkLoad(keys.map((key): [string, string] => [`load ${step} ${key}`, `${step}`]));
    }
  }
  return killNow(db, disk, random);
}

function targets(disk: SimulatedFileSystem): string[] {
  return disk.files().filter((path) => !path.includes("/OWNER-"));
}

/** Changes one file at random; gives a description. */
function damage(disk: SimulatedFileSystem, random: Random): string {
  const path = random.pick(targets(disk));
  const bytes = disk.contentOf(path);
  const at = random.int(bytes.length);
  switch (random.int(6)) {
    case 0:
      disk.remove(path);
      return `${path} removed`;
    case 1:
      disk.install(path, bytes.subarray(0, at));
      return `${path} cut to ${at} of ${bytes.length} bytes`;
    case 2: {
      const length = random.between(1, 200);
      disk.patch(path, at, Buffer.alloc(Math.min(length, bytes.length - at)));
      return `${path} zeroed from ${at} for ${length} of ${bytes.length} bytes`;
    }
    case 3: {
      const other = random.pick(targets(disk));
      disk.install(path, disk.contentOf(other));
      return `${path} replaced by ${other}`;
    }
    default:
      disk.patch(path, at, Buffer.from([bytes[at]! ^ (1 << random.int(8))]));
      return `${path} flipped at ${at} of ${bytes.length} bytes`;
  }
}

async function reopened(disk: SimulatedFileSystem): Promise<Map<string, string>> {
  const { db } = await openSimulated(disk, new SteppedClock(), {});
  const contents = await contentsOf(db);
  const keys = Array.from({ length: keyCount + 20 }, (_, index) => keyOf(index));
  const values = await db.getMany(keys);
  keys.forEach((key, at) => {
    expect(values[at], `${key}, read by itself`).to.equal(contents.get(key));
  });
  await db.compact();
  expect(await contentsOf(db), "after a compaction").to.deep.equal(contents);
  await db.close();
  return contents;
}

function expectWritten(contents: Map<string, string>, written: Base["written"]): void {
  for (const [key, value] of contents) {
    expect(written.get(key)?.has(value), `${key} = ${value} was never written`).to.equal(true);
  }
}

describe("repair, simulated", () => {
  itWithRandom("finds every database sound that was not damaged", async (random) => {
    for (let round = 0; round < 6 * rounds; round++) {
      const { disk } = await makeBase(random, round % 2 === 0);
      const report = await verifyIn(storeFolder, maintenanceOn(disk));
      expect(report.findings.filter(({ severity }) => severity === "damage")).to.deep.equal([]);
    }
  });

  itWithRandom(
    "never takes a damaged database for sound, nor brings back what was never written",
    async (random) => {
      for (let round = 0; round < 4 * rounds; round++) {
        const base = await makeBase(random);
        for (let trial = 0; trial < 40; trial++) {
          const disk = base.disk.crash(random, "dropAll");
          const what = damage(disk, random);
          try {
            await checkDamaged(disk, base);
          } catch (error) {
            throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
          }
        }
      }
    },
  );

  async function checkDamaged(
    disk: SimulatedFileSystem,
    { isClosed, contents, written }: Base,
  ): Promise<void> {
    const verified = await verifyIn(storeFolder, maintenanceOn(disk));
    if (verified.isSound) {
      const found = await reopened(disk);
      expectWritten(found, written);
      if (isClosed) {
        expect(found, "a database that was found sound").to.deep.equal(contents);
      }
      return;
    }
    let report: RepairReport;
    try {
      report = await repairIn(storeFolder, maintenanceOn(disk));
    } catch (error) {
      // The one thing that it may say.
      expect((error as FastKVError).message).to.contain("whole shards are missing");
      return;
    }
    expect(report.after.findings.filter(({ severity }) => severity === "damage")).to.deep.equal([]);
    const found = await reopened(disk);
    expectWritten(found, written);
    if (isClosed && report.losses.length === 0) {
      expect(found, "nothing was said to be lost").to.deep.equal(contents);
    }
    const again = await repairIn(storeFolder, maintenanceOn(disk));
    expect(again.wasDamaged, "damaged after it was opened and closed").to.equal(false);
  }

  itWithRandom(
    "brings back all that stands in other files where a manifest has lost its end",
    async (random) => {
      for (let round = 0; round < 8 * rounds; round++) {
        const { disk: sound, contents } = await makeKilledBase(random, round % 2 === 0 ? "flush" : "load");
        const manifests = sound.files().filter((path) => path.includes("/MANIFEST-"));
        for (let trial = 0; trial < 12; trial++) {
          const disk = sound.crash(random, "dropAll");
          const path = random.pick(manifests);
          const bytes = disk.contentOf(path);
          const cut = bytes.length - (trial === 0 ? 1 : random.int(random.pick([8, 600, bytes.length])));
          disk.install(path, bytes.subarray(0, cut));
          const what = `${path} cut to ${cut} of ${bytes.length} bytes`;
          const { isSound } = await verifyIn(storeFolder, maintenanceOn(disk));
          if (!isSound) {
            const { after } = await repairIn(storeFolder, maintenanceOn(disk));
            expect(after.isSound, what).to.equal(true);
          }
          expect(await reopened(disk), what).to.deep.equal(contents);
        }
      }
    },
  );

  /** Killed behind what `fill` does; then its one manifest is cut to the length that it had when `fill` said so. */
  async function withLostChanges(
    random: Random,
    fill: (db: FastKV, markEnd: () => void, disk: SimulatedFileSystem) => Promise<void>,
  ): Promise<Pick<Base, "disk" | "contents">> {
    const disk = new SimulatedFileSystem({ random: random.fork(), folders: ["/data"] });
    // Nothing is compacted: each flush and each load keeps its table.
    const launcher = new InProcessLauncher(disk, { settings: {} });
    const { db } = await openSimulated(disk, new SteppedClock(), { shards: 1 }, launcher);
    const manifest = disk.files().find((path) => path.includes("/MANIFEST-"))!;
    let end = 0;
    const markEnd = (): void => {
      end = disk.contentOf(manifest).length;
    };
    await fill(db, markEnd, disk);
    const { disk: killed, contents } = await killNow(db, disk, random);
    expect(end).to.be.below(killed.contentOf(manifest).length);
    killed.install(manifest, killed.contentOf(manifest).subarray(0, end));
    return { disk: killed, contents };
  }

  itWithRandom("puts a bulk load that the manifest has lost where it was committed", async (random) => {
    const { disk, contents } = await withLostChanges(random, async (db, markEnd) => {
      for (const value of ["1", "2", "3"]) {
        await db.put("a", value);
        await db.put("b", value);
      }
      markEnd();
      await db.bulkLoad([
        ["a", "loaded"],
        ["b", "loaded"],
      ]);
      await db.put("b", "newer");
    });
    await repairIn(storeFolder, maintenanceOn(disk));
    const found = await reopened(disk);
    expect([found.get("a"), found.get("b")]).to.deep.equal(["loaded", "newer"]);
    expect(found).to.deep.equal(contents);
  });

  itWithRandom("takes no table for a lost bulk load that was merged into others before", async (random) => {
    const merged = new Map<string, Buffer>();
    const { disk, contents } = await withLostChanges(random, async (db, markEnd, files) => {
      await db.bulkLoad([["a", "old"]]);
      for (const path of files.files().filter((one) => one.endsWith(".sst"))) {
        merged.set(path, files.contentOf(path));
      }
      await db.put("a", "newer");
      await db.compact();
      markEnd();
      await db.bulkLoad([["b", "loaded"]]);
    });
    // As a crash leaves them that comes before they are removed.
    expect(merged.size).to.equal(1);
    for (const [path, content] of merged) {
      expect(disk.exists(path)).to.equal(false);
      disk.install(path, content);
    }
    await repairIn(storeFolder, maintenanceOn(disk));
    expect(await reopened(disk)).to.deep.equal(contents);
  });

  itWithRandom(
    "does not take one lost bulk load for another, and says that the places are guesses",
    async (random) => {
      const { disk, contents } = await withLostChanges(random, async (db, markEnd) => {
        markEnd();
        await db.bulkLoad([["a", "loaded"]]);
        await db.put("a", "newer");
        await db.flush();
        await db.bulkLoad([["b", "loaded"]]);
      });
      const { losses } = await repairIn(storeFolder, maintenanceOn(disk));
      expect(losses.filter(({ message }) => message.includes("the place of a bulk load"))).to.have.length(2);
      expect(await reopened(disk)).to.deep.equal(contents);
    },
  );

  itWithRandom("takes what a disk cannot read any more for damage like any other", async (random) => {
    for (let trial = 0; trial < 10 * rounds; trial++) {
      const base = await makeBase(random);
      const disk = base.disk.crash(random, "dropAll");
      const path = random.pick(targets(disk));
      const badByte = random.int(disk.contentOf(path).length);
      const environment = maintenanceOn(withBadByte(disk, path, badByte));
      const report = await verifyIn(storeFolder, environment);
      const atEnd = /MANIFEST|batch-log/.test(path);
      expect(report.isSound && !atEnd, `${path} at ${badByte}`).to.equal(false);
      const { after, losses } = await repairIn(storeFolder, environment);
      expect(after.findings.filter(({ severity }) => severity === "damage")).to.deep.equal([]);
      const found = await reopened(disk);
      expectWritten(found, base.written);
      if (losses.length === 0) {
        expect(found).to.deep.equal(base.contents);
      }
    }
  });

  itWithRandom("loses nothing when it is crashed, wherever that is", async (random) => {
    const base = await makeBase(random);
    // All that these files say can be found elsewhere; but it takes a rebuilt shard, a new log and a new identity.
    const breakIt = (): SimulatedFileSystem => {
      const disk = base.disk.crash(random, "dropAll");
      const names = disk.files();
      disk.remove(names.find((path) => path.includes("shard-001/CURRENT"))!);
      const table = names.find((path) => /shard-000.*sst$/.test(path));
      if (table !== undefined) {
        disk.patch(table, disk.contentOf(table).length - 20, Buffer.from([0xff]));
      }
      disk.remove(names.find((path) => path.includes("batch-log"))!);
      disk.remove(`${storeFolder}/FASTKV`);
      return disk;
    };
    const whole = breakIt();
    const before = whole.mutations;
    await repairIn(storeFolder, maintenanceOn(whole));
    const mutations = whole.mutations - before;
    expect(await reopened(whole)).to.deep.equal(base.contents);
    expect(mutations).to.be.above(20);
    for (let at = 1; at <= mutations; at++) {
      const disk = breakIt();
      disk.operationsUntilCrash = at;
      await repairIn(storeFolder, maintenanceOn(disk)).catch(() => undefined);
      expect(disk.hasCrashed, `crash at call ${at}`).to.equal(true);
      const next = restart(disk, random, random.pick(["any", "prefix", "dropAll"] as const));
      await repairIn(storeFolder, maintenanceOn(next));
      expect(await reopened(next), `crashed at call ${at} of ${mutations}`).to.deep.equal(base.contents);
    }
  });
});
