import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import type { OpenOptions } from "../../coordinator/calls/options.js";
import { FastKV } from "../../coordinator/fastkv.js";
import { defaultShardModule } from "../../coordinator/shards/shard-process.js";
import type { FastKVErrorCode } from "../../shared/errors.js";
import { rejection } from "../support/errors.js";
import { isRunning, shardPids, useStores } from "./support/stores.js";

describe("Opening", function () {
  this.timeout(60_000);
  const stores = useStores();

  async function expectNotOpened(
    code: FastKVErrorCode,
    options: OpenOptions = {},
    name = "db",
  ): Promise<string> {
    const start = performance.now();
    const error = await rejection(stores().open(options, name));
    expect(error.code, error.message).to.equal(code);
    expect(performance.now() - start).to.be.below(5000);
    expect(fs.readdirSync(stores().runtimeFolder)).to.deep.equal([]);
    return error.message;
  }

  it("refuses unfit options", async () => {
    const bad: OpenOptions[] = [
      ...[0, -1, 1.5, 257, 1e9, Number.NaN, "2", null].map((shards) => ({ shards: shards as number })),
      { shardCount: 2 } as OpenOptions,
      { durability: "yes" as never },
      { encoding: "pickle" as never },
      { compression: "rar" as never },
      { maxMemtableSize: 5 },
      { readCacheSize: -1 },
      { handleSignals: 1 as never },
      { shardModule: "not a url" },
      { shardModule: "https://example.org/shard.js" },
      { execArgv: "--x" as never },
      { runtimeFolder: "" },
    ];
    for (const options of bad) {
      await expectNotOpened("FASTKV_INVALID_OPTION", options);
    }
    for (const folder of ["", "a\0b", 5, undefined, null] as string[]) {
      expect((await rejection(FastKV.open(folder))).code).to.equal("FASTKV_INVALID_OPTION");
    }
    expect((await rejection(FastKV.open("x", null as never))).code).to.equal("FASTKV_INVALID_OPTION");
    expect(fs.existsSync(stores().folder)).to.equal(false);
  });

  it("has no public constructor, and says what there is", () => {
    const Constructor = FastKV as unknown as new (folder: string) => unknown;
    expect(() => new Constructor("./x"))
      .to.throw(/FastKV\.open/)
      .with.property("code", "FASTKV_INVALID_OPTION");
  });

  it("refuses a second opening, naming the holder, and another number of shards, naming both", async () => {
    const db = await stores().open({ shards: 3 });
    const { shards } = await db.stats();
    expect(shards.map(({ recovery }) => recovery.wasClean)).to.deep.equal([true, true, true]);
    expect(await expectLocked()).to.include(String(process.pid));
    await db.put("a", 1);
    const closed = db.close();
    expect(await expectLocked()).to.include("or still being closed. Await its close() first");
    await closed;
    const message = await expectNotOpened("FASTKV_SHARD_MISMATCH", { shards: 2 });
    expect(message).to.match(/3.*2/);
    expect(await (await stores().open({ shards: 3 })).get("a")).to.equal(1);

    async function expectLocked(): Promise<string> {
      const error = await rejection(stores().open());
      expect(error.code).to.equal("FASTKV_LOCKED");
      return error.message;
    }
  });

  it("refuses folders that are missing, foreign or none, and leaves them as they are", async () => {
    const { root } = stores();
    await expectNotOpened("FASTKV_NOT_FOUND", {}, "missing/db");
    await expectNotOpened("FASTKV_NOT_FOUND", { createIfMissing: false });
    await (await stores().open({ errorIfExists: true }, "made")).close();
    expect(await expectNotOpened("FASTKV_EXISTS", { errorIfExists: true }, "made")).to.include("made");
    await (await stores().open({ createIfMissing: false }, "made")).close();
    fs.mkdirSync(path.join(root, "foreign"));
    fs.writeFileSync(path.join(root, "foreign", "letter.txt"), "mine");
    await expectNotOpened("FASTKV_NOT_A_DATABASE", {}, "foreign");
    expect(fs.readdirSync(path.join(root, "foreign"))).to.deep.equal(["letter.txt"]);
    await expectNotOpened("FASTKV_NOT_A_DATABASE", {}, "foreign/letter.txt");
  });

  it("refuses a runtime folder whose sockets would have too long a path, or that is missing", async () => {
    const deep = path.join(stores().root, "x".repeat(90));
    fs.mkdirSync(deep);
    await expectNotOpened("FASTKV_INVALID_OPTION", { runtimeFolder: deep });
    await expectNotOpened("FASTKV_IO", { runtimeFolder: path.join(stores().root, "nowhere") });
    const db = await stores().open({}, `${"y".repeat(120)}`);
    await db.put("a", 1);
    expect(await db.get("a")).to.equal(1);
  });

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    it(`starts a shard again that ${signal}, as of a terminal, has ended before it could ignore that`, async () => {
      const starts = path.join(stores().root, "starts");
      const interrupted = path.join(stores().root, "interrupted.mjs");
      fs.writeFileSync(
        interrupted,
        `import fs from "node:fs";
        fs.appendFileSync(${JSON.stringify(starts)}, "x");
        if (fs.statSync(${JSON.stringify(starts)}).size <= 2) {
          process.kill(process.pid, "${signal}");
          await new Promise((resolve) => setTimeout(resolve, 60_000));
        }
        await import(${JSON.stringify(defaultShardModule.href)});`,
      );
      const db = await stores().open({ shards: 1, shardModule: pathToFileURL(interrupted) });
      await db.put("a", 1);
      expect(await db.get("a")).to.equal(1);
      expect((await db.stats()).restarts).to.equal(0);
    });
  }

  it("gives up a shard that is ended by a signal at each start", async () => {
    const interrupted = path.join(stores().root, "interrupted.mjs");
    fs.writeFileSync(
      interrupted,
      'process.kill(process.pid, "SIGINT"); setInterval(() => undefined, 1000);\n',
    );
    const shardModule = pathToFileURL(interrupted);
    expect(await expectNotOpened("FASTKV_SHARD_UNAVAILABLE", { shards: 1, shardModule })).to.include(
      "was ended by SIGINT before it was ready",
    );
  });

  it("fails at once where no shard can be started, and leaves nothing that hinders the next opening", async () => {
    const exits = path.join(stores().root, "exits.mjs");
    fs.writeFileSync(exits, "process.exit(9);\n");
    const forgets = path.join(stores().root, "forgets.mjs");
    fs.writeFileSync(forgets, 'process.once("message", () => setImmediate(() => process.disconnect()));\n');
    expect(await expectNotOpened("FASTKV_SHARD_UNAVAILABLE", { execPath: "/nowhere/node" })).to.include(
      "ENOENT",
    );
    expect(
      await expectNotOpened("FASTKV_SHARD_UNAVAILABLE", { shardModule: pathToFileURL(exits) }),
    ).to.include("code 9");
    await expectNotOpened("FASTKV_SHARD_UNAVAILABLE", { shardModule: pathToFileURL(forgets) });
    const db = await stores().open();
    const pids = await shardPids(db);
    expect(pids.every(isRunning)).to.equal(true);
    await db.put("a", 1);
    expect(await db.get("a")).to.equal(1);
  });
});
