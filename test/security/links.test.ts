import fs from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { type FastKV, repair, verify } from "../../coordinator/index.js";
import { FastKVError } from "../../shared/errors.js";
import { NodeFileSystem } from "../../shared/storage/node-file-system.js";
import { manyKeys, type Stores, useStores } from "../api/support/stores.js";
import { caught, causeCode, rejection } from "../support/errors.js";

const keys = manyKeys(64);

/** A closed database with tables, WAL and batch log. */
async function makeDatabase(stores: Stores): Promise<void> {
  const db = await stores.open();
  await db.batchPut(keys.map((key) => [key, "table"]));
  await db.flush();
  await db.batchPut(keys.map((key) => [key, "wal"]));
  await db.close();
}

/** A compaction may remove files meanwhile. */
function filesBelow(folder: string): string[] {
  return fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => fs.lstatSync(path.join(folder, name), { throwIfNoEntry: false })?.isFile() === true)
    .sort();
}

/** Opens, reads all, writes, flushes, compacts and closes; gives back how it failed, where it did. */
async function use(stores: Stores, onStep = (): void => undefined): Promise<FastKVError | undefined> {
  let db: FastKV | undefined;
  try {
    db = await stores.open();
    onStep();
    expect(await db.getMany(keys)).to.deep.equal(keys.map(() => "wal"));
    await db.batchPut(keys.map((key) => [key, "again"]));
    await db.flush();
    onStep();
    await db.bulkLoad([["loaded", 1]]);
    onStep();
    await db.compact();
    onStep();
    return undefined;
  } catch (error) {
    expect(error).to.be.instanceOf(FastKVError);
    return error as FastKVError;
  } finally {
    await db?.close().catch((error: unknown) => expect(error).to.be.instanceOf(FastKVError));
  }
}

describe("Symbolic links in the place of files", function () {
  this.timeout(60_000);
  const stores = useStores();

  it("are not followed, whichever file it is", async () => {
    await makeDatabase(stores());
    const { root, folder } = stores();
    const whole = path.join(root, "whole");
    fs.cpSync(folder, whole, { recursive: true });
    const names = filesBelow(folder);
    const kinds = [/FASTKV$/, /OWNER-/, /batch-log-/, /CURRENT$/, /MANIFEST-/, /\.wal$/, /\.sst$/];
    for (const kind of kinds) {
      const name = names.find((one) => kind.test(one));
      expect(name, `a file like ${kind}`).to.be.a("string");
      fs.rmSync(folder, { recursive: true });
      fs.cpSync(whole, folder, { recursive: true });
      const outside = path.join(root, "outside");
      const file = path.join(folder, name!);
      fs.renameSync(file, outside);
      fs.symlinkSync(outside, file);
      const before = fs.readFileSync(outside);

      expect((await verify(folder).catch((error: unknown) => error)) as object, name).to.satisfy(
        (report: unknown) => report instanceof FastKVError || !(report as { isSound: boolean }).isSound,
      );
      const error = await use(stores());
      expect(error?.code, `${name}: ${error?.message}`).to.be.oneOf(["FASTKV_CORRUPTION", "FASTKV_IO"]);
      expect(error!.message).to.include(path.basename(name!));
      await repair(folder).catch((failure: unknown) => expect(failure).to.be.instanceOf(FastKVError));
      expect(fs.readFileSync(outside), `${name} was written through the link`).to.deep.equal(before);
    }
  });

  it("are replaced or refused where a new file is to be, and what they lead to stays as it is", async () => {
    await makeDatabase(stores());
    const { root, folder } = stores();
    const whole = path.join(root, "whole");
    fs.cpSync(folder, whole, { recursive: true });
    const victim = path.join(root, "victim");
    // What an undisturbed run makes, it makes under the same names in the next one.
    const made = new Set<string>();
    const note = (): void => {
      for (const name of filesBelow(folder)) {
        made.add(name);
      }
    };
    expect(await use(stores(), note)).to.equal(undefined);
    const fresh = [...made].filter((name) => !fs.existsSync(path.join(whole, name)));
    for (const kind of [/OWNER-/, /batch-log-/, /MANIFEST-/, /\.wal$/, /\.sst$/]) {
      expect(
        fresh.some((name) => kind.test(name)),
        `a new file like ${kind}`,
      ).to.equal(true);
    }
    const temporary = ["FASTKV.tmp", "OWNER-0000000002.tmp", path.join("shard-000", "CURRENT.tmp")];
    for (const name of [...fresh.filter((one) => !one.includes("shard-001")), ...temporary]) {
      fs.rmSync(folder, { recursive: true });
      fs.cpSync(whole, folder, { recursive: true });
      fs.writeFileSync(victim, "precious");
      fs.symlinkSync(victim, path.join(folder, name));
      await use(stores());
      expect(fs.readFileSync(victim, "utf8"), `${name} was followed`).to.equal("precious");
    }
  });

  it("to another folder are no shard's folder", async () => {
    await makeDatabase(stores());
    const { root, folder } = stores();
    const shard = path.join(folder, "shard-001");
    fs.renameSync(shard, path.join(root, "elsewhere"));
    fs.symlinkSync(path.join(root, "elsewhere"), shard);
    for (const call of [
      stores().open(),
      stores().open({ allowSharedFolder: true }),
      verify(folder),
      repair(folder, { allowSharedFolder: true }),
    ]) {
      const error = await rejection(call);
      expect(error.code, error.message).to.equal("FASTKV_UNSAFE_FOLDER");
      expect(error.message).to.include("symbolic link");
    }
  });
});

describe("A pipe in the place of a file", function () {
  this.timeout(30_000);
  const stores = useStores();

  it("is refused, and nobody waits for it", async () => {
    await makeDatabase(stores());
    const { execFileSync } = await import("node:child_process");
    for (const name of ["shard-000/CURRENT", "FASTKV"]) {
      const file = path.join(stores().folder, name);
      fs.renameSync(file, `${file}.kept`);
      execFileSync("mkfifo", [file]);
      const refused = caught(() => new NodeFileSystem().open(file, "read"));
      expect(causeCode(refused), refused.message).to.equal("EINVAL");
      const error = await rejection(stores().open());
      expect(error.code, error.message).to.be.oneOf([
        "FASTKV_IO",
        "FASTKV_CORRUPTION",
        "FASTKV_NOT_A_DATABASE",
      ]);
      fs.rmSync(file);
      fs.renameSync(`${file}.kept`, file);
    }
  });
});
