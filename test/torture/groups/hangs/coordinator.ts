/** The program that has the database open is paused, or killed while one of its shards is paused. */

import { expect } from "chai";
import { isRunning } from "../../../api/support/stores.js";
import { perform } from "../../../crash/processes/strikes/perform.js";
import { readAll } from "../../../crash/processes/strikes/reading.js";
import { History } from "../../scenario/history.js";
import { Life, type LifePlan } from "../../scenario/life.js";
import { lifeOptions, roundsOf } from "../../scenario/plan.js";
import { childrenOf, pause, type Scene, within } from "./scene.js";

function planOf(scene: Scene, more: Partial<LifePlan>): LifePlan {
  const { root, storeUrl } = scene.order;
  return {
    storeUrl,
    folder: scene.folder,
    runtimeFolder: root,
    notes: root,
    seed: scene.random.next32(),
    rounds: 24,
    waits: false,
    tellsAll: false,
    starters: {},
    under: [],
    environment: {},
    ...more,
  };
}

/** Others are kept out while it is paused, and it goes on as if nothing had been. */
export async function pausedCoordinator(scene: Scene): Promise<void> {
  const history = new History();
  const { FastKVError } = scene.store;
  let paused: Promise<void> | undefined;
  const onOpen = (pid: number): void => {
    paused = (async () => {
      await pause(scene.random.int(200));
      const shards = childrenOf(pid);
      process.kill(pid, "SIGSTOP");
      try {
        const end = performance.now() + scene.random.between(1500, 3000);
        while (performance.now() < end) {
          const error: unknown = await scene.open().then(
            () => new Error("A second program has opened the database"),
            (reason: unknown) => reason,
          );
          if (!(error instanceof FastKVError) || error.code !== "FASTKV_LOCKED") {
            throw error;
          }
          expect(error.message).to.include(String(pid));
          scene.count("openings refused meanwhile");
          await pause(100);
        }
        // A shard whose coordinator says nothing waits for it.
        expect(childrenOf(pid)).to.deep.equal(shards);
      } finally {
        process.kill(pid, "SIGCONT");
      }
    })();
    paused.catch(() => undefined);
  };
  const end = await new Life(planOf(scene, { onOpen }), history).run();
  await paused;
  expect(end.isClosed).to.equal(true);
  history.noteClosed();
  history.check(end.findings!);
  const db = await scene.open({ ...lifeOptions });
  expect(await readAll(db)).to.deep.equal(end.findings);
  await db.close();
  await scene.expectSound();
}

/** A shard wakes when another program has long taken over: it must not write one more byte. */
export async function pausedShardWithoutCoordinator(scene: Scene): Promise<void> {
  const history = new History();
  let paused = 0;
  let struck: Promise<void> | undefined;
  const onOpen = (pid: number): void => {
    struck = (async () => {
      await pause(scene.random.int(250));
      paused = scene.random.pick(childrenOf(pid));
      process.kill(paused, "SIGSTOP");
      // What is called meanwhile waits for it, in its socket and in the program.
      await pause(scene.random.int(100));
      process.kill(pid, "SIGKILL");
    })();
    struck.catch(() => undefined);
  };
  try {
    const end = await new Life(planOf(scene, { onOpen, leavesShards: true, waits: true }), history).run();
    await struck;
    expect(end.signal).to.equal("SIGKILL");
    const start = performance.now();
    const db = await within(20_000, "the takeover", scene.open({ ...lifeOptions }));
    scene.most("slowest takeover in ms", performance.now() - start);
    expect(isRunning(paused), "the paused shard of the killed program is alive").to.equal(false);
    const found = history.check(await readAll(db));
    history.startFrom(found);
    await work(scene, db, history);
    await db.close();
    history.noteClosed();
    const again = await scene.open({ ...lifeOptions });
    history.check(await readAll(again));
    await again.close();
    await scene.expectSound();
  } finally {
    if (paused !== 0 && isRunning(paused)) {
      process.kill(paused, "SIGKILL");
    }
  }
}

async function work(scene: Scene, db: Awaited<ReturnType<Scene["open"]>>, history: History): Promise<void> {
  for (const calls of roundsOf({ seed: scene.random.next32(), rounds: 4, tellsAll: false })) {
    const settles = calls.map((call) => history.begin(call));
    await Promise.all(calls.map((call) => perform(db, call)));
    for (const settle of settles) {
      settle({ kind: "ack" });
    }
  }
  history.check(await readAll(db));
}
