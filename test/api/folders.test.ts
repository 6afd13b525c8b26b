import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { checksum } from "../../shared/checksum.js";
import { fileHeaderBytes, fileKind } from "../../shared/format/file-header.js";
import { RecordLogWriter } from "../../shared/record-log/record-log.js";
import { NodeFileSystem } from "../../shared/storage/node-file-system.js";
import { causeCode, rejection } from "../support/errors.js";
import { manyKeys, type Stores, useStores } from "./support/stores.js";

const nobody = 65_534;

/** Runs the body without the rights of root, whom no permission binds, and takes them back. */
async function withoutRights(body: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid!() === 0;
  if (isRoot) {
    process.seteuid!(nobody);
  }
  try {
    await body();
  } finally {
    if (isRoot) {
      process.seteuid!(0);
    }
  }
}

function everythingIn(folder: string): string[] {
  const names = fs.readdirSync(folder, { recursive: true, encoding: "utf8" });
  return [folder, ...names.map((name) => path.join(folder, name))];
}

/** Gives a folder and all in it to the user who has no rights, where there is one. */
function giveAway(folder: string): void {
  setOwner(folder, nobody);
}

function takeBack(folder: string): void {
  setOwner(folder, 0);
}

function setOwner(folder: string, userId: number): void {
  if (process.geteuid!() === 0) {
    for (const name of everythingIn(folder)) {
      fs.chownSync(name, userId, userId);
    }
  }
}

/** All files but those that say who owns the folder just now. */
function contentsOf(folder: string): Map<string, string> {
  const files = everythingIn(folder).filter(
    (name) => fs.statSync(name).isFile() && !path.basename(name).startsWith("OWNER"),
  );
  return new Map(files.sort().map((name) => [name, fs.readFileSync(name, "latin1")]));
}

const keys = manyKeys(64);

/** A database with data in tables and in the WAL, and with what its folder holds. */
async function makeDatabase(stores: Stores): Promise<Map<string, string>> {
  const db = await stores.open();
  await db.batchPut(keys.map((key) => [key, "in a table"]));
  await db.flush();
  await db.batchPut(keys.slice(0, 32).map((key) => [key, "in the WAL"]));
  await db.close();
  return contentsOf(stores.folder);
}

async function expectWhole(stores: Stores): Promise<void> {
  const db = await stores.open();
  expect(await db.values().toArray()).to.deep.equal(
    keys.map((_, at) => (at < 32 ? "in the WAL" : "in a table")),
  );
  await db.close();
}

describe("Folders that cannot be written", function () {
  this.timeout(30_000);
  const stores = useStores();

  it("take no new database, and are left as they are", async () => {
    const { root } = stores();
    const parent = path.join(root, "parent");
    fs.mkdirSync(parent);
    fs.chmodSync(root, 0o755);
    giveAway(parent);
    fs.chmodSync(parent, 0o500);
    await withoutRights(async () => {
      const error = await rejection(stores().open({}, "parent/db"));
      expect(error.code, error.message).to.equal("FASTKV_IO");
      expect(error.message).to.include(path.join(parent, "db"));
      expect(causeCode(error)).to.equal("EACCES");
    });
    expect(fs.readdirSync(parent)).to.deep.equal([]);
    expect(fs.readdirSync(stores().runtimeFolder)).to.deep.equal([]);
    fs.chmodSync(parent, 0o700);
  });

  for (const mode of [0o500, 0o000]) {
    it(`refuse to open a database (mode ${mode.toString(8)}) that is there, and lose nothing of it`, async () => {
      const { root, folder } = stores();
      const before = await makeDatabase(stores());
      fs.chmodSync(root, 0o755);
      giveAway(folder);
      fs.chmodSync(folder, mode);
      await withoutRights(async () => {
        const error = await rejection(stores().open());
        expect(error.code, error.message).to.equal("FASTKV_IO");
        expect(error.message).to.include(folder);
        expect(causeCode(error)).to.equal("EACCES");
      });
      fs.chmodSync(folder, 0o700);
      takeBack(folder);
      expect(contentsOf(folder)).to.deep.equal(before);
      expect(fs.readdirSync(stores().runtimeFolder)).to.deep.equal([]);
      await expectWhole(stores());
    });
  }
});

describe("Folders of a newer FastKV", function () {
  this.timeout(30_000);
  const stores = useStores();

  /** Raises the format version in a file's header, with all checksums right. */
  function raiseVersion(file: string): void {
    const bytes = fs.readFileSync(file);
    bytes.writeUInt32LE(2, 8);
    bytes.writeUInt32LE(checksum(bytes.subarray(0, 60)), 60);
    if (path.basename(file) === "FASTKV") {
      const covered = Buffer.concat([bytes.subarray(0, 60), bytes.subarray(fileHeaderBytes, -4)]);
      bytes.writeUInt32LE(checksum(covered), bytes.length - 4);
    }
    fs.writeFileSync(file, bytes);
  }

  /** The file of a bulk load that a crash left behind. */
  async function leaveLoad(folder: string): Promise<void> {
    const databaseId = new Uint8Array(fs.readFileSync(path.join(folder, "FASTKV")).subarray(16, 32));
    const fileNumber = 900;
    const file = path.join(folder, "shard-001", "000900.load");
    const header = { kind: fileKind.load, databaseId, shardIndex: 1, epoch: 1, fileNumber };
    await RecordLogWriter.create(new NodeFileSystem(), file, header).close();
  }

  for (const [what, pattern] of [
    ["identity", /FASTKV$/],
    ["batch log", /batch-log-\d+$/],
    ["CURRENT", /shard-000\/CURRENT$/],
    ["manifest", /shard-001\/MANIFEST-\d+$/],
    ["WAL", /shard-000\/\d+\.wal$/],
    ["bulk load's file", /shard-001\/\d+\.load$/],
  ] as const) {
    it(`are refused by the version in the ${what}, and lose nothing`, async () => {
      const { folder } = stores();
      const before = await makeDatabase(stores());
      await leaveLoad(folder);
      const file = [...contentsOf(folder).keys()].find((name) => pattern.test(name))!;
      expect(file, `a file of the ${what}`).to.be.a("string");
      raiseVersion(file);
      const newer = fs.readFileSync(file);
      const error = await rejection(stores().open());
      expect(error.code, error.message).to.equal("FASTKV_UNSUPPORTED_FORMAT");
      expect(error.message).to.include(path.basename(file)).and.to.include("newer");
      // The other shard may have started meanwhile, which gives it a new manifest.
      expect(fs.readFileSync(file)).to.deep.equal(newer);
      expect(fs.readdirSync(stores().runtimeFolder)).to.deep.equal([]);
      fs.rmSync(path.join(folder, "shard-001", "000900.load"));
      fs.writeFileSync(file, before.get(file) ?? "", "latin1");
      if (!before.has(file)) {
        fs.rmSync(file);
      }
      await expectWhole(stores());
    });
  }

  it("answer no read from a table of a newer version", async () => {
    await makeDatabase(stores());
    const { folder } = stores();
    const tables = [...contentsOf(folder).keys()].filter((name) => name.endsWith(".sst"));
    expect(tables.length).to.equal(2);
    for (const table of tables) {
      raiseVersion(table);
    }
    const db = await stores().open();
    for (const read of [db.get(keys[40]!), db.getMany(keys), db.scan().toArray(), db.count()]) {
      const error = await rejection(read);
      expect(error.code, error.message).to.equal("FASTKV_UNSUPPORTED_FORMAT");
    }
  });
});

describe("Shards that cannot start", function () {
  this.timeout(30_000);
  const stores = useStores();

  it("lose nothing of a database that is there", async () => {
    const before = await makeDatabase(stores());
    const exits = path.join(stores().root, "exits.mjs");
    fs.writeFileSync(exits, "process.exit(9);\n");
    for (const options of [{ execPath: "/nowhere/node" }, { shardModule: pathToFileURL(exits) }]) {
      const start = performance.now();
      const error = await rejection(stores().open(options));
      expect(error.code, error.message).to.equal("FASTKV_SHARD_UNAVAILABLE");
      expect(performance.now() - start).to.be.below(5000);
      expect(fs.readdirSync(stores().runtimeFolder)).to.deep.equal([]);
      expect(contentsOf(stores().folder)).to.deep.equal(before);
    }
    await expectWhole(stores());
  });

  it("say so where their folder is gone or is none, and make no empty one in its place", async () => {
    await makeDatabase(stores());
    const shard = path.join(stores().folder, "shard-001");
    fs.renameSync(shard, `${shard}.kept`);
    const gone = await rejection(stores().open());
    expect(gone.code, gone.message).to.equal("FASTKV_CORRUPTION");
    expect(gone.message).to.contain("shard-001: the folder of a shard is missing");
    expect(fs.existsSync(shard)).to.equal(false);
    fs.writeFileSync(shard, "no folder");
    const none = await rejection(stores().open());
    expect(none.code, none.message).to.equal("FASTKV_IO");
    fs.rmSync(shard);
    fs.renameSync(`${shard}.kept`, shard);
    await expectWhole(stores());
  });
});
