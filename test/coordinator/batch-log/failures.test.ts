import fs from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { resolveOptions } from "../../../coordinator/calls/options.js";
import { FastKV } from "../../../coordinator/fastkv.js";
import { defaultShardModule, ShardProcessLauncher } from "../../../coordinator/shards/shard-process.js";
import type { FastKVError } from "../../../shared/errors.js";
import { manyKeys } from "../../api/support/stores.js";
import { rejection } from "../../support/errors.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";
import { type FailingFileSystem, failingFileSystem } from "../failing-file-system.js";

describe("A disk that fails the coordinator", function () {
  this.timeout(30_000);
  const temporaryFolder = useTemporaryFolder();

  async function open(files: FailingFileSystem, name = "db"): Promise<FastKV> {
    const runtimeFolder = path.join(temporaryFolder(), "run");
    fs.mkdirSync(runtimeFolder, { recursive: true });
    const program = { module: defaultShardModule, execPath: process.execPath, execArgv: [], busyPoll: false };
    return FastKV.openIn(path.join(temporaryFolder(), name), resolveOptions({}), {
      fileSystem: files,
      startLauncher: () => ShardProcessLauncher.start(files, program, runtimeFolder),
    });
  }

  const pairs = (value: number): [string, number][] => manyKeys(64).map((key) => [key, value]);

  for (const call of ["write", "sync"] as const) {
    it(`has a batch log that fails to ${call} once replaced by a new one: nobody sees an error`, async () => {
      const files = failingFileSystem();
      const db = await open(files);
      await db.batchPut(pairs(1));
      let failures = 0;
      files.failure = (what, name) => {
        if (what === call && name.includes("batch-log") && failures === 0) {
          failures += 1;
          return "FASTKV_IO";
        }
        return undefined;
      };
      const batches = [2, 3, 4].map((value) => db.batchPut(pairs(value), { durability: "sync" }));
      const single = db.put("single", 1);
      await Promise.all([...batches, single]);
      expect(failures).to.equal(1);
      await db.batchPut(pairs(5));
      await db.close();
      const again = await open(failingFileSystem());
      expect(await again.getMany(manyKeys(64))).to.deep.equal(Array(64).fill(5));
      await again.close();
    });

    it(`turns read-only when the log can neither ${call} nor be replaced, and says so when it closes`, async () => {
      const files = failingFileSystem();
      const db = await open(files);
      await db.batchPut(pairs(1), { durability: "sync" });
      await db.put("kept", 1, { durability: "sync" });
      const readOnly = new Promise<{ error: Error }>((resolve) => db.once("read-only", resolve));
      files.failure = (what, name) =>
        (what === call || what === "create") && name.includes("batch-log") ? "FASTKV_IO" : undefined;
      const calls = [
        rejection(db.batchPut(pairs(2), { durability: "sync" })),
        ...manyKeys(64).map((key) => rejection(db.put(key, 3, { durability: "sync" }))),
      ];
      expect((await readOnly).error).to.have.property("code", "FASTKV_READ_ONLY");
      for (const error of await Promise.all(calls)) {
        expect(error.code).to.equal("FASTKV_READ_ONLY");
        expect(error.writeOutcome).to.equal("in-doubt");
      }
      for (const refused of [db.put("a", 1), db.batchPut(pairs(9)), db.clear(), db.bulkLoad([["a", 1]])]) {
        const { code, writeOutcome } = await rejection(refused);
        expect({ code, writeOutcome }).to.deep.equal({
          code: "FASTKV_READ_ONLY",
          writeOutcome: "not-applied",
        });
      }
      expect(await db.get("kept")).to.equal(1);
      expect((await rejection(db.close())).code).to.equal("FASTKV_READ_ONLY");
      files.failure = () => undefined;
      const again = await open(files);
      expect(await again.get("kept")).to.equal(1);
      const values = await again.getMany(manyKeys(64));
      expect(new Set(values).size, JSON.stringify(values)).to.equal(1);
      await again.batchPut(pairs(10));
      expect(await again.getMany(manyKeys(64))).to.deep.equal(Array(64).fill(10));
      await again.close();
    });
  }

  for (const call of ["write", "sync"] as const) {
    it(`waits where there is no room to ${call} the log: writes are refused until there is`, async () => {
      const files = failingFileSystem();
      const db = await open(files);
      await db.batchPut(pairs(1), { durability: "sync" });
      let isReadOnly = false;
      db.once("read-only", () => {
        isReadOnly = true;
      });
      files.failure = (what, name) =>
        (what === call || what === "create") && name.includes("batch-log") ? "FASTKV_NO_SPACE" : undefined;
      const told = await Promise.all([
        rejection(db.batchPut(pairs(2), { durability: "sync" })),
        ...manyKeys(64).map((key) => rejection(db.put(`${key}-behind`, 3, { durability: "sync" }))),
      ]);
      for (const error of told) {
        expect(error.code).to.equal("FASTKV_NO_SPACE");
        expect(error.writeOutcome).to.equal("in-doubt");
      }
      const flush = await rejection(db.flush());
      expect({ code: flush.code, writeOutcome: flush.writeOutcome }).to.deep.equal({
        code: "FASTKV_NO_SPACE",
        writeOutcome: "none",
      });
      const later = [db.put("a", 1), db.batchPut(pairs(9)), db.clear(), db.bulkLoad([["a", 1]])];
      for (const refused of later) {
        const error = await rejection(refused);
        expect(error.code).to.equal("FASTKV_NO_SPACE");
        expect(error.writeOutcome).to.equal("not-applied");
      }
      expect(await db.get("a")).to.equal(undefined);
      expect(await db.getMany(manyKeys(64))).to.deep.equal(Array(64).fill(2));

      files.failure = () => undefined;
      let outcome: FastKVError | undefined;
      do {
        outcome = await db.batchPut(pairs(4)).then(
          () => undefined,
          (error: FastKVError) => error,
        );
        await new Promise((resolve) => setImmediate(resolve));
      } while (outcome?.code === "FASTKV_NO_SPACE");
      expect(outcome).to.equal(undefined);
      await db.flush();
      expect(isReadOnly).to.equal(false);
      expect((await db.stats()).restarts).to.equal(0);
      await db.close();
      const again = await open(failingFileSystem());
      expect(await again.getMany(manyKeys(64))).to.deep.equal(Array(64).fill(4));
      await again.close();
    });
  }

  it("closes without waiting for room for the log; what was in doubt is there whole or not at all", async () => {
    const files = failingFileSystem();
    const db = await open(files);
    await db.batchPut(pairs(1), { durability: "sync" });
    files.failure = (what, name) =>
      (what === "write" || what === "create") && name.includes("batch-log") ? "FASTKV_NO_SPACE" : undefined;
    const refused = rejection(db.batchPut(pairs(2)));
    const flushed = rejection(db.flush());
    const { code, writeOutcome } = await rejection(db.close());
    expect({ code, writeOutcome }).to.deep.equal({ code: "FASTKV_NO_SPACE", writeOutcome: "in-doubt" });
    expect((await refused).writeOutcome).to.equal("in-doubt");
    await flushed;
    const again = await open(failingFileSystem());
    const values = await again.getMany(manyKeys(64));
    expect(new Set(values).size, JSON.stringify(values)).to.equal(1);
    await again.close();
  });

  it("writes on to a log that a flush cannot leave for a new one, or replaces it where the new one got its name", async () => {
    const files = failingFileSystem();
    const db = await open(files);
    let isReadOnly = false;
    db.once("read-only", () => {
      isReadOnly = true;
    });
    const logs = (): string[] =>
      fs.readdirSync(path.join(temporaryFolder(), "db")).filter((name) => name.startsWith("batch-log"));
    const large: [string, unknown][] = manyKeys(64).map((key) => [key, "v".repeat(2000)]);
    await db.batchPut(large);
    for (const [call, log] of [
      ["create", "batch-log-000001"],
      ["rename", "batch-log-000001"],
      ["syncFolder", "batch-log-000002"],
    ] as const) {
      let failures = 0;
      files.failure = (what, name) => {
        const isFailure = what === call && failures === 0 && !name.includes("shard-");
        failures += isFailure ? 1 : 0;
        return isFailure ? "FASTKV_NO_SPACE" : undefined;
      };
      await db.flush();
      expect(failures).to.equal(1);
      expect(logs()).to.deep.equal([log]);
      await db.batchPut(pairs(1));
    }
    await db.batchPut(large);
    files.failure = (what) => (what === "create" ? "FASTKV_NO_SPACE" : undefined);
    await db.close();
    expect(logs()).to.deep.equal(["batch-log-000002"]);
    expect(isReadOnly).to.equal(false);
    const again = await open(failingFileSystem());
    expect(await again.getMany(manyKeys(64))).to.deep.equal(large.map(([, value]) => value));
    await again.close();
  });

  it("refuses to open where nothing can be written, and can be opened afterwards", async () => {
    for (const call of ["create", "write", "sync", "makeFolder", "rename", "link"] as const) {
      for (const pattern of [/./, /batch-log/]) {
        const files = failingFileSystem();
        let failures = 0;
        files.failure = (what, name) => {
          const isFailure = what === call && pattern.test(name) && !name.includes("/run/");
          failures += isFailure ? 1 : 0;
          return isFailure ? "FASTKV_IO" : undefined;
        };
        const label = `${call}${pattern.source.length}`;
        const opened = await open(files, label).then(
          (db) => db,
          (error: FastKVError) => error,
        );
        files.failure = () => undefined;
        if (opened instanceof FastKV) {
          expect(failures, label).to.equal(0);
          await opened.close();
        } else {
          expect(opened.code, `${label}: ${opened.message}`).to.equal("FASTKV_IO");
          expect(failures, label).to.be.above(0);
        }
        expect(fs.readdirSync(path.join(temporaryFolder(), "run"))).to.deep.equal([]);
        // Where a claim cannot even be given back, the folder stays locked until this process ends.
        if (call !== "rename" || pattern.source !== ".") {
          const db = await open(files, label);
          await db.put("a", 1);
          await db.close();
        }
      }
    }
  });
});
