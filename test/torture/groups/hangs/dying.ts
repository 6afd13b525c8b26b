/** A shard that cannot live: for want of memory, or because it crashes at every start. The others serve on. */

import fs from "node:fs";
import path from "node:path";
import { expect } from "chai";
import type { FastKV } from "../../../../coordinator/fastkv.js";
import type { FastKVError } from "../../../../shared/errors.js";
import { type CrashOrder, crashVariable } from "./crashing-shard.js";
import { keysOf, Ledger, shards } from "./ledger.js";
import { type Scene, shardPids, within } from "./scene.js";

const patienceMs = 40_000;
/** A shard is given up after so many deaths. */
const mostStarts = 6;
/** Before its second start anew; each further pause is twice as long. A little less than it is, since clocks differ. */
const leastPauseMs = 75;
const howToCrash: readonly CrashOrder["how"][] = ["exit", "abort", "throw", "kill", "exit later"];

/** Serves its keys as if nothing had been; says how long it took at most. */
async function expectService(scene: Scene, db: FastKV<string>, ledger: Ledger, key: string): Promise<void> {
  const start = performance.now();
  expect(await within(5000, "a put to the other shard", ledger.put(db, key, 100))).to.equal("ack");
  expect(await within(5000, "a get from the other shard", db.get(key))).to.be.a("string");
  scene.most("slowest put and get of the other shard in ms", performance.now() - start);
  scene.count("puts and gets of the other shard meanwhile");
}

export async function crashAtEveryStart(scene: Scene): Promise<void> {
  const { root, storeUrl } = scene.order;
  const shard = scene.random.int(shards);
  const order: CrashOrder = {
    realModule: new URL("../shard/bundle/main.js", storeUrl).href,
    shard,
    flag: path.join(root, "crash"),
    starts: path.join(root, "starts"),
    how: scene.random.pick(howToCrash),
  };
  process.env[crashVariable] = JSON.stringify(order);
  const options = {
    shardModule: new URL("./crashing-shard.js", import.meta.url),
    maxInFlightBytes: 256 * 1024,
  };
  const db = await scene.open(options);
  const ledger = new Ledger();
  const [own, others] = [keysOf(shard, 20), keysOf(1 - shard, 20)];
  await Promise.all([...own, ...others].map((key) => ledger.put(db, key, 100)));
  const failed = new Promise<void>((resolve) => db.once("shard-failed", () => resolve()));
  fs.writeFileSync(order.flag, "");
  process.kill((await shardPids(db))[shard]!, "SIGKILL");
  let isGivenUp = false;
  void failed.then(() => {
    isGivenUp = true;
  });
  const waiting: Promise<string>[] = [];
  const deadline = performance.now() + patienceMs;
  for (let at = 0; !isGivenUp; at++) {
    expect(performance.now(), "the time until the shard is given up").to.be.below(deadline);
    waiting.push(ledger.put(db, own[at % own.length]!, 4096));
    await expectService(scene, db, ledger, scene.random.pick(others));
  }
  await within(5000, "the calls for the shard that was given up", Promise.all(waiting));
  scene.count("calls for the dead shard", waiting.length);
  expectBackOff(scene, order);
  const refused = await ledger.put(db, own[0]!, 10);
  expect(refused).to.equal("FASTKV_SHARD_UNAVAILABLE");
  await expectService(scene, db, ledger, others[0]!);
  await close(db);

  // While it lasts an opening fails, at once and with nothing left of it.
  const opened = await within(
    20_000,
    "an opening",
    scene.open(options).catch((error: Error) => error),
  );
  if (opened instanceof Error) {
    expect(opened).to.have.property("code", "FASTKV_SHARD_UNAVAILABLE");
  } else {
    // It lived just long enough.
    expect(order.how).to.equal("exit later");
    await within(
      20_000,
      "closing what has just been opened",
      opened.close().catch(() => undefined),
    );
  }
  fs.rmSync(order.flag);
  const again = await scene.open(options);
  await ledger.checkAll(again);
  await again.close();
  await scene.expectSound();
  scene.count(`crashed by ${order.how}`);
}

/** It may tell of what a shard that was given up had not synced. */
async function close(db: FastKV): Promise<void> {
  const closed = await within(
    20_000,
    "closing",
    db.close().catch((error: FastKVError) => error.code),
  );
  expect(closed).to.be.oneOf([undefined, "FASTKV_SHARD_UNAVAILABLE"]);
}

/** The starts after the first death: few, and further and further apart. */
function expectBackOff(scene: Scene, { starts }: CrashOrder): void {
  const times = fs.readFileSync(starts, "utf8").trim().split("\n").map(Number);
  const again = times.slice(1);
  expect(again.length, "starts of a shard that crashes").to.be.within(2, mostStarts);
  const pauses = again.slice(1).map((time, at) => time - again[at]!);
  for (const [at, pauseMs] of pauses.entries()) {
    expect(pauseMs, `pause ${at} in ms`).to.be.at.least(leastPauseMs * 2 ** at);
  }
  scene.count("starts of shards that crash", again.length);
}

/** V8's heap of a shard: enough to start, too little for many calls. */
const heapMib = 6;

export async function outOfMemory(scene: Scene): Promise<void> {
  const shard = scene.random.int(shards);
  const execArgv = [`--max-old-space-size=${heapMib}`];
  const db = await scene.open({ execArgv, maxInFlightBytes: 1024 * 1024 });
  const ledger = new Ledger();
  const other = keysOf(1 - shard, 20, "other");
  await Promise.all(other.map((key) => ledger.put(db, key, 100)));
  let isGivenUp = false;
  db.once("shard-failed", () => {
    isGivenUp = true;
  });
  db.on("shard-restart", () => scene.count("restarts for want of memory"));
  const keys = keysOf(shard, 150_000, "many");
  const deadline = performance.now() + patienceMs;
  for (let at = 0; at < keys.length && !isGivenUp && performance.now() < deadline; at += 500) {
    const puts = keys.slice(at, at + 500).map((key) => ledger.put(db, key, 10));
    await within(patienceMs, "puts to a shard without memory", Promise.all(puts));
    await expectService(scene, db, ledger, scene.random.pick(other));
  }
  expect(scene.counts["restarts for want of memory"], "restarts for want of memory").to.be.above(0);
  scene.count(isGivenUp ? "shards given up" : "shards that lived on");
  await close(db);
  const again = await scene.open();
  await ledger.checkAll(again);
  await again.close();
  await scene.expectSound();
}
