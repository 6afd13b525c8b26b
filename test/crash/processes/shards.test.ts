import { expect } from "chai";
import type { FastKV } from "../../../coordinator/fastkv.js";
import { manyKeys, shardPids, useStores } from "../../api/support/stores.js";
import { rejection } from "../../support/errors.js";
import { itWithRandom } from "../../support/random.js";

/** The next restart of any shard. */
function restart(db: FastKV): Promise<unknown> {
  return new Promise((resolve) => db.once("shard-restart", resolve));
}

describe("Kills of shards", function () {
  this.timeout(60_000);
  const stores = useStores();

  it("lose nothing in any durability mode, and callers only see a pause", async () => {
    const db = await stores().open({ shards: 4 });
    const expected = new Map<string, number>();
    let number = 0;
    for (let round = 0; round < 4; round++) {
      const calls: Promise<unknown>[] = [];
      const pids = await shardPids(db);
      for (let burst = 0; burst < 20; burst++) {
        for (let at = 0; at < 25; at++) {
          number += 1;
          const key = `key-${number % 701}`;
          expected.set(key, number);
          const durability = (["none", "background", "sync"] as const)[number % 3]!;
          calls.push(db.put(key, number, { durability }));
          calls.push(db.get(key).then((value) => expect(value).to.be.at.least(number > 0 ? 1 : 0)));
        }
        if (burst === 10) {
          for (const pid of round % 4 === 3 ? pids : [pids[round % 4]!]) {
            process.kill(pid, "SIGKILL");
          }
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.all(calls);
      expect(await db.getMany([...expected.keys()])).to.deep.equal([...expected.values()]);
    }
    expect((await db.stats()).restarts).to.be.at.least(4);
    await db.close();
    const again = await stores().open();
    expect(await again.getMany([...expected.keys()])).to.deep.equal([...expected.values()]);
  });

  it("leave snapshots and scans as they were", async () => {
    const db = await stores().open();
    const keys = manyKeys(3000);
    await db.batchPut(keys.map((key) => [key, "old"]));
    const snapshot = await db.snapshot();
    const scan = db.scan()[Symbol.asyncIterator]();
    const unread = db.values();
    await scan.next();
    await db.batchPut(keys.map((key) => [key, "new"]));
    for (const round of [0, 1]) {
      const pids = await shardPids(db);
      process.kill(pids[round]!, "SIGKILL");
      await restart(db);
      await db.batchPut(keys.slice(0, 500).map((key) => [key, `newer-${round}`]));
      await db.compact();
      expect(await snapshot.count()).to.equal(3000);
    }
    expect(new Set(await snapshot.values().toArray())).to.deep.equal(new Set(["old"]));
    expect(new Set(await snapshot.getMany(keys.slice(0, 600)))).to.deep.equal(new Set(["old"]));
    expect(new Set(await unread.toArray())).to.deep.equal(new Set(["old"]));
    let count = 1;
    for (;;) {
      const next = await scan.next();
      if (next.done === true) {
        break;
      }
      expect(next.value).to.deep.equal([keys[count], "old"]);
      count += 1;
    }
    expect(count).to.equal(3000);
    await snapshot.close();
    const stats = await db.stats();
    expect(stats.shards.map((shard) => shard.snapshots)).to.deep.equal([0, 0]);
  });

  it("leave reads of a snapshot at its moment, also where it was closed or forgotten behind them", async () => {
    const db = await stores().open({ shards: 1 });
    await db.put("key", "old", { durability: "sync" });
    const snapshot = await db.snapshot();
    const [pid] = await shardPids(db);
    process.kill(pid!, "SIGSTOP");
    const write = db.put("key", "new");
    const reads = [
      snapshot.get("key"),
      snapshot.getMany(["key", "other"]),
      snapshot.has("key"),
      db.ttl("key", { snapshot }),
    ];
    await snapshot.close();
    process.kill(pid!, "SIGKILL");
    expect(await Promise.all(reads)).to.deep.equal([
      "old",
      ["old", undefined],
      true,
      Number.POSITIVE_INFINITY,
    ]);
    await write;
    expect(await db.get("key")).to.equal("new");
    expect((await db.stats()).snapshots).to.equal(0);
  });

  it("answer each read with its own value, also one that is called in the moment in which the shard is back", async () => {
    const early: Promise<unknown>[] = [];
    let ready = 0;
    const listen = ({ event }: { event: string }): void => {
      if (event === "shard-ready") {
        ready += 1;
        if (ready === 2) {
          early.push(db.get("key-50"));
        }
      }
    };
    const logger = { debug: listen, info: listen, warn: listen, error: listen };
    const db = await stores().open<number>({ shards: 1, readCacheSize: 0, logger });
    await db.batchPut(Array.from({ length: 100 }, (_, n) => [`key-${n}`, n]));
    const [pid] = await shardPids(db);
    process.kill(pid!, "SIGSTOP");
    const reads = [0, 1, 2, 3, 4].map((n) => db.get(`key-${n}`));
    // They are on their way to the shard by then.
    await new Promise((resolve) => setImmediate(resolve));
    process.kill(pid!, "SIGKILL");
    expect(await Promise.all(reads)).to.deep.equal([0, 1, 2, 3, 4]);
    expect(await Promise.all(early)).to.deep.equal([50]);
    expect(await Promise.all([5, 6, 7].map((n) => db.get(`key-${n}`)))).to.deep.equal([5, 6, 7]);
  });

  it("have reads asked again in frames that a shard takes, however many there are", async () => {
    const db = await stores().open({ shards: 1, readCacheSize: 0, maxInFlightBytes: 256 * 1024 * 1024 });
    const keys = manyKeys(3400, "k".repeat(60_000));
    await db.put(keys[3]!, "there");
    const [pid] = await shardPids(db);
    process.kill(pid!, "SIGSTOP");
    const reads = Promise.all(keys.map((key) => db.get(key)));
    await new Promise((resolve) => setImmediate(resolve));
    process.kill(pid!, "SIGKILL");
    const found = await reads;
    expect(found.map((value, at) => (value === undefined ? -1 : at)).filter((at) => at >= 0)).to.deep.equal([
      3,
    ]);
    expect((await db.stats()).restarts).to.equal(1);
  });

  it("give back the holds of scans that are left while a shard is down", async () => {
    const db = await stores().open();
    await db.batchPut(manyKeys(4000).map((key) => [key, "x".repeat(100)]));
    process.kill((await shardPids(db))[0]!, "SIGKILL");
    const controllers = Array.from({ length: 10 }, () => new AbortController());
    const scans = controllers.map(({ signal }) => rejection(db.scan({ signal }).toArray()));
    await restart(db);
    for (const controller of controllers) {
      controller.abort();
    }
    for (const scan of scans) {
      expect((await scan).code).to.equal("FASTKV_ABORTED");
    }
    await db.getMany(manyKeys(64));
    const stats = await db.stats();
    expect(stats.shards.map((shard) => shard.snapshots)).to.deep.equal([0, 0]);
  });

  itWithRandom("show only consistent cuts while batches move sums and shards are killed", async (random) => {
    const db = await stores().open<number>({ shards: 3, maxMemtableSize: 256 * 1024 });
    const accounts = manyKeys(60, "account");
    const balances = new Map(accounts.map((key) => [key, 100]));
    await db.batchPut(balances);
    const total = 100 * accounts.length;
    const sumOf = (values: readonly (number | undefined)[]): number =>
      values.reduce<number>((sum, value) => sum + value!, 0);
    let isOver = false;
    let seen = 0;
    const until = async (step: () => Promise<void>): Promise<void> => {
      while (!isOver) {
        await step();
      }
    };
    const check = (what: string, values: readonly (number | undefined)[]): void => {
      seen += 1;
      expect(values.length, what).to.equal(accounts.length);
      expect(sumOf(values), what).to.equal(total);
    };
    const work = [
      ...[1, 2, 3].map(() =>
        until(async () => {
          const moved = random.shuffle([...accounts]).slice(0, random.between(2, 6));
          const changes = new Map<string, number>();
          for (let at = 0; at + 1 < moved.length; at += 2) {
            const amount = random.int(50);
            changes.set(moved[at]!, balances.get(moved[at]!)! - amount);
            changes.set(moved[at + 1]!, balances.get(moved[at + 1]!)! + amount);
          }
          for (const [key, value] of changes) {
            balances.set(key, value);
          }
          await db.batchPut(changes, { durability: random.pick(["none", "background", "sync"]) });
        }),
      ),
      until(async () => check("scan", await db.values("account-").toArray())),
      until(async () =>
        check("reverse scan", await db.values({ prefix: "account-", reverse: true }).toArray()),
      ),
      until(async () => check("getMany", await db.getMany(accounts))),
      until(async () => {
        const snapshot = await db.snapshot();
        await new Promise((resolve) => setTimeout(resolve, random.int(50)));
        check("snapshot scan", await snapshot.values("account-").toArray());
        check("snapshot getMany", await snapshot.getMany(accounts));
        await snapshot.close();
      }),
      until(async () => {
        await db.put(`filler-${random.int(1000)}`, 1);
        await (random.chance(0.1) ? db.flush() : random.chance(0.05) ? db.compact() : undefined);
      }),
    ];
    let failure: unknown;
    const all = Promise.all(work).catch((error: unknown) => {
      failure = error;
      isOver = true;
    });
    for (let kill = 0; kill < 6 && !isOver; kill++) {
      await new Promise((resolve) => setTimeout(resolve, 250 + random.int(300)));
      const restarted = restart(db);
      process.kill((await shardPids(db))[kill % 3]!, "SIGKILL");
      await restarted;
    }
    isOver = true;
    await all;
    expect(failure).to.equal(undefined);
    expect(seen).to.be.above(20);
    await db.close();
    const again = await stores().open<number>();
    check("reopened", await again.getMany(accounts));
    expect(await again.getMany(accounts)).to.deep.equal([...balances.values()]);
  });

  it("fail the keys of a shard that keeps dying, while the others serve", async () => {
    const db = await stores().open();
    const keys = manyKeys(40);
    await db.batchPut(keys.map((key) => [key, 1]));
    const failed = new Promise<{ shard: number }>((resolve) => db.once("shard-failed", resolve));
    let kills = 0;
    let isOver = false;
    db.on("shard-restart", () => {
      kills += 1;
    });
    const killing = (async () => {
      while (!isOver) {
        const { shards } = await db.stats().catch(() => ({ shards: [] }));
        const victim = shards.find((one) => one.shard === 0);
        if (victim !== undefined) {
          process.kill(victim.pid, "SIGKILL");
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const { shard } = await failed;
    isOver = true;
    await killing;
    expect(shard).to.equal(0);
    expect(kills).to.equal(5);
    const outcomes = await Promise.allSettled(keys.map((key) => db.put(key, 2)));
    const codes = outcomes.map((one) =>
      one.status === "rejected" ? (one.reason as { code: string }).code : "ok",
    );
    expect(new Set(codes)).to.deep.equal(new Set(["ok", "FASTKV_SHARD_UNAVAILABLE"]));
    const lost = keys.filter((_, at) => codes[at] !== "ok");
    const served = keys.filter((_, at) => codes[at] === "ok");
    expect(await db.getMany([])).to.deep.equal([]);
    expect(new Set(await Promise.all(served.map((key) => db.get(key))))).to.deep.equal(new Set([2]));
    const { shards, failed_shards, shard_count, total_keys } = await db.stats();
    expect(shards.map((one) => one.shard)).to.deep.equal([1]);
    expect(failed_shards.map((one) => [one.shard, one.code])).to.deep.equal([
      [0, "FASTKV_SHARD_UNAVAILABLE"],
    ]);
    expect([shard_count, total_keys]).to.deep.equal([2, served.length]);
    for (const read of [() => db.scan().toArray(), () => db.count(), () => db.getMany(keys)]) {
      expect((await rejection((async () => read())())).writeOutcome, String(read)).to.equal("none");
    }
    for (const call of [
      db.get(lost[0]!, {}),
      db.has(lost[0]!),
      db.delete(lost[0]!),
      db.batchPut([
        [lost[0]!, 3],
        [served[0]!, 3],
      ]),
      db.clear(),
      db.count(),
      db.getMany(keys),
      db.flush(),
      db.bulkLoad([["a", 1]]),
    ]) {
      expect((await rejection(call)).code).to.equal("FASTKV_SHARD_UNAVAILABLE");
    }
    expect(await db.get(served[0]!)).to.equal(2);
    await db.close();
    const again = await stores().open();
    expect(await again.getMany(keys)).to.deep.equal(keys.map((_, at) => (codes[at] === "ok" ? 2 : 1)));
  });

  it("do not come of a pause: what was called meanwhile is done when the shard goes on", async () => {
    const db = await stores().open({ maxInFlightBytes: 1024 * 1024 });
    const [pid] = await shardPids(db);
    process.kill(pid!, "SIGSTOP");
    const keys = manyKeys(500);
    const calls = Promise.all(keys.map((key) => db.put(key, key)));
    const scan = db.values({ limit: 3 }).toArray();
    const controller = new AbortController();
    const aborted = rejection(db.scan({ signal: controller.signal }).toArray());
    const left = db.scan()[Symbol.asyncIterator]();
    const pending = left.next();
    controller.abort();
    expect((await aborted).code).to.equal("FASTKV_ABORTED");
    await left.return!();
    expect(await pending).to.deep.equal({ done: true, value: undefined });
    process.kill(pid!, "SIGCONT");
    await calls;
    expect(await scan).to.deep.equal(keys.slice(0, 3));
    const stats = await db.stats();
    expect(stats.restarts).to.equal(0);
    expect(stats.in_flight_bytes).to.equal(0);
    expect(stats.shards.map((shard) => shard.snapshots)).to.deep.equal([0, 0]);
  });

  it("are not what SIGINT, SIGTERM and SIGHUP do to a shard", async () => {
    const db = await stores().open();
    const pids = await shardPids(db);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      for (const pid of pids) {
        process.kill(pid, signal);
      }
      await db.batchPut(manyKeys(64).map((key) => [key, signal]));
      expect(await db.count()).to.equal(64);
    }
    expect(await shardPids(db)).to.deep.equal(pids);
    expect((await db.stats()).restarts).to.equal(0);
  });
});
