/** Something stands still for a while, and goes on: nothing fails, nothing grows without end, nobody else waits. */

import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { expect } from "chai";
import type { FastKV } from "../../../../coordinator/fastkv.js";
import { keysOf, Ledger } from "./ledger.js";
import { pause, type Scene, shardPids, within } from "./scene.js";

const mib = 1024 * 1024;
const maxInFlightBytes = mib;
const valueBytes = 4096;
const frozenMs = 2000;
const patienceMs = 30_000;

/** Calls puts without awaiting them until one is refused; gives what waits. */
async function fillQueue(
  db: FastKV<string>,
  ledger: Ledger,
  keys: readonly string[],
): Promise<Promise<string>[]> {
  const calls: Promise<string>[] = [];
  let isFull = false;
  const mostCalls = (4 * maxInFlightBytes) / valueBytes;
  for (let at = 0; at < mostCalls && !isFull; at++) {
    const call = ledger.put(db, keys[at % keys.length]!, valueBytes);
    calls.push(call);
    void call.then((outcome) => {
      isFull ||= outcome === "FASTKV_OVERLOADED";
    });
    await new Promise((resolve) => setImmediate(resolve));
  }
  return calls;
}

/** How many calls a queue may take: its bytes, and what the socket and one frame hold. */
function expectBounded(scene: Scene, calls: number): void {
  const mostBytes = maxInFlightBytes + 512 * 1024;
  expect(calls * valueBytes, "bytes that were taken while nothing went on").to.be.below(mostBytes);
  scene.most("most bytes that waited", calls * valueBytes);
}

export async function pausedShard(scene: Scene): Promise<void> {
  const db = await scene.open({ maxInFlightBytes });
  const ledger = new Ledger();
  const paused = scene.random.int(2);
  const [own, others] = [keysOf(paused, 20), keysOf(1 - paused, 20)];
  await Promise.all([...own, ...others].map((key) => ledger.put(db, key, 100)));
  const pid = (await shardPids(db))[paused]!;
  process.kill(pid, "SIGSTOP");
  try {
    const waiting = await fillQueue(db, ledger, own);
    expectBounded(scene, waiting.length);
    expect(ledger.codes.FASTKV_OVERLOADED, "refusals of the full queue").to.be.above(0);
    const end = performance.now() + scene.random.between(100, 1500);
    while (performance.now() < end) {
      const start = performance.now();
      const key = scene.random.pick(others);
      expect(await within(2000, "a put to the other shard", ledger.put(db, key, 100))).to.equal("ack");
      expect(await within(2000, "a get from the other shard", db.get(key))).to.be.a("string");
      scene.most("slowest put and get of the other shard in ms", performance.now() - start);
      scene.count("puts and gets of the other shard meanwhile");
    }
    process.kill(pid, "SIGCONT");
    await within(patienceMs, "the calls that waited", Promise.all(waiting));
  } finally {
    process.kill(pid, "SIGCONT");
  }
  expect((await db.stats()).restarts).to.equal(0);
  await ledger.checkAll(db);
  await db.close();
  await scene.expectSound();
  scene.count("writes acknowledged", ledger.acknowledged);
}

/** Freezes a mounted file system; it thaws by itself, whatever becomes of this process. */
function freezeForAWhile(disk: string): void {
  execFileSync("fsfreeze", ["-f", disk]);
  const seconds = String(frozenMs / 1000);
  spawn("sh", ["-c", `sleep ${seconds}; fsfreeze -u "$0"`, disk], {
    detached: true,
    stdio: "ignore",
  }).unref();
}

export async function frozenDisk(scene: Scene): Promise<void> {
  const { root } = scene.order;
  const image = path.join(root, "image");
  const disk = path.join(root, "disk");
  fs.writeFileSync(image, "");
  fs.truncateSync(image, 64 * mib);
  fs.mkdirSync(disk);
  execFileSync("mkfs.ext4", ["-q", "-F", image]);
  execFileSync("mount", ["-o", "loop", image, disk]);
  fs.chmodSync(disk, 0o700);
  scene.folder = path.join(disk, "db");
  const db = await scene.open({ maxInFlightBytes });
  const ledger = new Ledger();
  const keys = [...keysOf(0, 20), ...keysOf(1, 20)];
  await Promise.all(keys.map((key) => ledger.put(db, key, 100)));
  let lastTick = performance.now();
  let longestMs = 0;
  const ticking = setInterval(() => {
    longestMs = Math.max(longestMs, performance.now() - lastTick);
    lastTick = performance.now();
  }, 5);
  const start = performance.now();
  freezeForAWhile(disk);
  const batch = db.batchPut(
    keysOf(0, 1, "batch")
      .concat(keysOf(1, 1, "batch"))
      .map((key) => [key, "whole"]),
  );
  const waiting = await fillQueue(db, ledger, keysOf(scene.random.int(2), 20));
  expectBounded(scene, waiting.length);
  await pause(frozenMs / 4);
  expect(performance.now() - start, "the time until here").to.be.below(frozenMs);
  // The program itself never stands still.
  expect(longestMs, "the longest standstill of the program in ms").to.be.below(frozenMs / 2);
  scene.most("longest standstill of the program in ms", longestMs);
  const outcomes = await within(patienceMs, "the calls that waited", Promise.all(waiting));
  await within(patienceMs, "the batch", batch);
  clearInterval(ticking);
  expect(outcomes.filter((outcome) => outcome === "ack").length, "acknowledged after the thaw").to.be.above(
    0,
  );
  scene.count("writes that waited", waiting.length);
  expect((await db.stats()).restarts).to.equal(0);
  const found = new Map(await db.scan().toArray());
  for (const key of [...found.keys()].filter((name) => name.startsWith("batch-"))) {
    expect(found.get(key)).to.equal("whole");
    found.delete(key);
  }
  ledger.check(found);
  await db.close();
  await scene.expectSound();
  execFileSync("umount", [disk]);
}
