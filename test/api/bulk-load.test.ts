import fs from "node:fs";
import path from "node:path";
import { expect } from "chai";
import type { BulkLoadProgress } from "../../coordinator/index.js";
import { rejection } from "../support/errors.js";
import { manyKeys, shardPids, useStores } from "./support/stores.js";

/** Files of bulk loads, and tables. */
function loadFiles(folder: string): string[] {
  return fs
    .readdirSync(folder)
    .filter((name) => name.startsWith("shard-"))
    .flatMap((name) => fs.readdirSync(path.join(folder, name)))
    .filter((name) => /\.(load|sst|table|tmp)/.test(name) || /load/.test(name));
}

describe("Bulk loads", () => {
  const stores = useStores();

  it("take sorted and unsorted sources, with duplicates, over existing data", async () => {
    const db = await stores().open();
    const keys = manyKeys(3000);
    await db.batchPut(keys.slice(0, 100).map((key) => [key, "old"]));
    const snapshot = await db.snapshot();
    const phases = new Set<BulkLoadProgress["phase"]>();
    const source = async function* () {
      for (const round of [1, 2]) {
        for (let index = keys.length - 1; index >= 0; index--) {
          yield [keys[index]!, round * 10_000 + index] as const;
          if (index % 500 === 0) {
            await new Promise((resolve) => setImmediate(resolve));
          }
        }
      }
    };
    const result = await db.bulkLoad(source(), { onProgress: ({ phase }) => phases.add(phase) });
    expect(result).to.include({ entries: 6000, keys: 3000 });
    expect([...phases]).to.include.members(["sorting", "done"]);
    expect(await db.values().toArray()).to.deep.equal(keys.map((_, index) => 20_000 + index));
    expect(await snapshot.count()).to.equal(100);
    expect(await snapshot.get(keys[0]!)).to.equal("old");
    await db.put(keys[0]!, "newer");
    expect(await db.get(keys[0]!)).to.equal("newer");
    await db.bulkLoad(
      keys.map((key) => ({ key, value: "object", ttl: 60_000, encoding: "msgpack" as const })),
    );
    expect(await db.get(keys[0]!)).to.equal("object");
    expect(await db.ttl(keys[1]!)).to.be.within(1, 60_000);
    await snapshot.close();
    await db.close();
    const again = await stores().open();
    expect(await again.count()).to.equal(3000);
    expect(await again.get(keys[0]!)).to.equal("object");
  });

  it("leave in memory nothing of the parts that are written, also of large values, which make little garbage", async () => {
    const db = await stores().open({ shards: 1 });
    const value = "v".repeat(10_000);
    await db.bulkLoad(
      (function* () {
        for (let n = 0; n < 40_000; n++) {
          yield [`key${String(n).padStart(6, "0")}`, value] as const;
        }
      })(),
    );
    const [shard] = (await db.stats()).shards;
    // 400 MB went through; at most three parts of 24 MiB are there at a time.
    expect(shard!.rss_bytes).to.be.below(280e6);
    await db.close();
  });

  it("take an empty source", async () => {
    const db = await stores().open();
    expect(await db.bulkLoad([])).to.deep.equal({ entries: 0, keys: 0, bytes: 0 });
    expect(await db.count()).to.equal(0);
  });

  it("leave nothing of a source that throws, of a bad entry, or of an abort", async () => {
    const db = await stores().open();
    await db.put("kept", 1);
    await db.flush();
    const before = loadFiles(stores().folder);
    const broken = new Error("from the source");
    const many = function* (last: () => unknown) {
      for (const key of manyKeys(20_000)) {
        yield [key, "x".repeat(100)] as const;
      }
      yield last() as never;
    };
    let failure: unknown;
    await db
      .bulkLoad(
        many(() => {
          throw broken;
        }),
      )
      .catch((error: unknown) => {
        failure = error;
      });
    expect(failure).to.equal(broken);
    expect((await rejection(db.bulkLoad(many(() => ["a", undefined])))).code).to.equal(
      "FASTKV_INVALID_VALUE",
    );
    expect((await rejection(db.bulkLoad(many(() => [7, 1])))).code).to.equal("FASTKV_INVALID_KEY");
    expect((await rejection(db.bulkLoad(many(() => 5)))).code).to.equal("FASTKV_INVALID_OPTION");
    expect((await rejection(db.bulkLoad(5 as never))).code).to.equal("FASTKV_INVALID_OPTION");
    const controller = new AbortController();
    const aborted = rejection(
      db.bulkLoad(
        (async function* () {
          yield* many(() => ["last", 1]);
          controller.abort();
          await new Promise(() => undefined);
        })(),
        { signal: controller.signal },
      ),
    );
    expect((await aborted).code).to.equal("FASTKV_ABORTED");
    expect((await rejection(db.bulkLoad([], { signal: AbortSignal.abort() }))).code).to.equal(
      "FASTKV_ABORTED",
    );
    expect(await db.keys().toArray()).to.deep.equal(["kept"]);
    expect(loadFiles(stores().folder)).to.deep.equal(before);
    expect(await db.bulkLoad(many(() => ["last", 1]))).to.include({ keys: 20_001 });
  });

  it("leave no more log segments behind than writes do", async () => {
    const db = await stores().open<number>({ shards: 1 });
    const segments = (): number =>
      fs.readdirSync(path.join(stores().folder, "shard-000")).filter((name) => name.endsWith(".wal")).length;
    for (let load = 0; load < 12; load++) {
      await db.bulkLoad([[`key-${load}`, load]]);
    }
    await db.flush();
    await db.close();
    expect(segments()).to.equal(1);
    const again = await stores().open<number>();
    expect(await again.count()).to.equal(12);
    await again.close();
  });

  it("are not refused for what others have on its way to the shards", async () => {
    const db = await stores().open({ maxInFlightBytes: 128 * 1024 });
    const stop = new AbortController();
    const writing = (async () => {
      while (!stop.signal.aborted) {
        const calls = Array.from({ length: 100 }, (_, n) => db.put(`beside-${n}`, "x".repeat(5000)));
        await new Promise((resolve) => setImmediate(resolve));
        await Promise.allSettled(calls.slice(0, 10));
      }
    })();
    for (let round = 0; round < 5; round++) {
      await db.bulkLoad(manyKeys(200).map((key) => [key, round]));
    }
    stop.abort();
    await writing;
    expect(await db.values("key-").toArray()).to.deep.equal(Array(200).fill(4));
  });

  it("run beside each other and beside writes", async () => {
    const db = await stores().open();
    const keys = manyKeys(2000);
    const loads = [1, 2, 3].map((load) => db.bulkLoad(keys.map((key) => [key, load])));
    const writes = keys.map((key) => db.put(`own-${key}`, key));
    await Promise.all([...loads, ...writes]);
    expect(await db.count()).to.equal(4000);
    expect(new Set(await db.getMany(keys)).size).to.equal(1);
  });

  it("fail cleanly or go on when a shard dies meanwhile, at whatever moment", async () => {
    const db = await stores().open({ shards: 4 });
    const keys = manyKeys(4000);
    let failed = 0;
    for (let round = 0; round < 8; round++) {
      const [pid] = (await shardPids(db)).slice(round % 4);
      const before = await db.getMany(keys.slice(0, 64));
      const load = db.bulkLoad(keys.map((key) => [key, round]));
      await new Promise((resolve) => setTimeout(resolve, round * 5));
      process.kill(pid!, "SIGKILL");
      const outcome = await load.then(
        () => "loaded",
        (error: { code: string }) => error.code,
      );
      failed += outcome === "loaded" ? 0 : 1;
      expect(outcome).to.be.oneOf(["loaded", "FASTKV_SHARD_UNAVAILABLE"]);
      expect(await db.getMany(keys.slice(0, 64)), `round ${round}: ${outcome}`).to.deep.equal(
        outcome === "loaded" ? Array(64).fill(round) : before,
      );
    }
    expect(failed).to.be.above(0);
    await db.close();
    const again = await stores().open();
    await again.bulkLoad(keys.map((key) => [key, "last"]));
    expect(new Set(await again.getMany(keys))).to.deep.equal(new Set(["last"]));
  });
});
