/**
 * One case of a full disk, in a process with a mount namespace of its own: whatever it mounts is gone with it. It works,
 * has the disk run full, works on, has room made, and works again; its last line says what it saw.
 */

import { rmSync, writeSync } from "node:fs";
import { expect } from "chai";
import type { FastKV } from "../../../../coordinator/fastkv.js";
import { perform } from "../../../crash/processes/strikes/perform.js";
import { readAll } from "../../../crash/processes/strikes/reading.js";
import type { Call } from "../../../crash/processes/strikes/workload.js";
import { Random } from "../../../support/random.js";
import type { Store } from "../../group.js";
import { History, type Outcome } from "../../scenario/history.js";
import { lifeOptions, roundsOf } from "../../scenario/plan.js";
import { type FullDiskOrder, fullDiskVariable } from "./order.js";
import { makeShortage, type Shortage } from "./shortage.js";

/** Rounds that are made before, and at most so many until something is refused. */
const roundsBefore = 3;
const mostRounds = 40;
/** Rounds that must go well when there is room again. */
const roundsAfter = 4;
/** A call that waits for room ends by itself, or when there is some. */
const patienceMs = 4000;
const recoveryMs = 20_000;

class FullDiskCase {
  readonly #order: FullDiskOrder;
  readonly #store: Store;
  readonly #shortage: Shortage;
  readonly #history = new History();
  readonly #rounds: Call[][];
  readonly counts: Record<string, number> = {};
  #open: Promise<unknown>[] = [];
  #isFull = false;

  constructor(order: FullDiskOrder, store: Store) {
    this.#order = order;
    this.#store = store;
    const random = new Random(order.seed);
    this.#shortage = makeShortage(order.shortage, order.root, random);
    this.#rounds = roundsOf({ seed: random.next32(), rounds: 1000, tellsAll: true });
  }

  async run(): Promise<void> {
    const { folder } = this.#shortage;
    const runtimeFolder = this.#order.root;
    const db = await this.#store.FastKV.open<string>(folder, { ...lifeOptions, runtimeFolder });
    db.on("shard-restart", () => this.#count("restarts of shards"));
    for (let round = 0; round < roundsBefore; round++) {
      expect(await this.#round(db), "refusals while there is room").to.equal(0);
    }
    await this.#workWithoutRoom(db);
    await this.#workWithRoom(db);
    const findings = await readAll(db);
    this.#history.check(findings);
    await db.close();
    this.#history.noteClosed();
    this.#shortage.remount();
    const report = await this.#store.verify(folder);
    expect(report.findings.filter(({ severity }) => severity === "damage")).to.deep.equal([]);
    const again = await this.#store.FastKV.open<string>(folder, { ...lifeOptions, runtimeFolder });
    expect(await readAll(again), "the reopened database").to.deep.equal(findings);
    await again.close();
    for (const [code, count] of Object.entries(this.#history.refusals)) {
      this.counts[`refused with ${code}`] = count;
    }
  }

  async #workWithoutRoom(db: FastKV<string>): Promise<void> {
    const pids = await this.#pids(db);
    this.#shortage.begin(pids);
    this.#isFull = true;
    try {
      let refused = 0;
      for (let round = 0; round < mostRounds && refused < 20; round++) {
        refused += await this.#round(db);
        if (!this.#mayRestart) {
          // Reads go on, of what is there and of nothing else.
          this.#history.check(await readAll(db));
          this.#count("reads of everything without room");
        } else if (this.#open.length > 2) {
          break;
        }
      }
      this.#count("writes refused for want of room", refused);
      this.#count(refused === 0 ? "cases without a refusal" : "cases with refusals");
      if (!this.#mayRestart) {
        expect(await this.#pids(db), "the processes").to.deep.equal(pids);
      }
    } finally {
      this.#shortage.end(pids);
      this.#isFull = false;
    }
  }

  async #workWithRoom(db: FastKV<string>): Promise<void> {
    const start = performance.now();
    await Promise.all(this.#open);
    let good = 0;
    while (good < roundsAfter) {
      const refused = await this.#round(db);
      good = refused === 0 ? good + 1 : 0;
      if (refused > 0 && performance.now() - start > recoveryMs) {
        throw new Error(`Writes are still refused ${recoveryMs} ms after there was room again`);
      }
      if (refused > 0) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
    this.counts["slowest recovery in ms"] = Math.round(performance.now() - start);
  }

  /** Makes a round of calls; how many were refused. Calls that wait for room are left waiting. */
  async #round(db: FastKV<string>): Promise<number> {
    let refused = 0;
    const calls = this.#rounds.shift()!.map(async (call) => {
      const settle = this.#history.begin(call);
      const outcome = await perform(db, call).then((): Outcome => ({ kind: "ack" }), this.#outcomeOf);
      settle(outcome);
      if (outcome?.kind === "refused") {
        refused += 1;
        this.#checkRefusal(call, outcome);
      }
    });
    const all = Promise.all(calls);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), this.#isFull ? patienceMs : recoveryMs);
    });
    const isLate = (await Promise.race([all, late])) === "late";
    clearTimeout(timer);
    if (isLate && !this.#isFull) {
      throw new Error("Calls that were made while there is room do not end");
    }
    if (isLate) {
      this.#count("rounds with calls that wait for room");
      this.#open.push(all);
    }
    return refused;
  }

  readonly #outcomeOf = (error: unknown): Outcome => {
    if (!(error instanceof this.#store.FastKVError)) {
      throw error;
    }
    const { code, writeOutcome, message } = error;
    return { kind: "refused", code, writeOutcome, message };
  };

  /** A sync that fails is another matter: what it was to put on disk is in doubt. */
  #checkRefusal(call: Call, outcome: Outcome & { kind: "refused" }): void {
    if (!this.#mayRestart && outcome.code !== "FASTKV_NO_SPACE") {
      throw new Error(`A ${call.type} on a full disk was refused with ${outcome.code}: ${outcome.message}`);
    }
    this.#count(`refused: ${outcome.writeOutcome}`);
  }

  /** A shard whose sync failed starts anew, which takes room: until then it does not read either. */
  get #mayRestart(): boolean {
    return this.#order.shortage === "failing sync";
  }

  async #pids(db: FastKV<string>): Promise<number[]> {
    return [process.pid, ...(await db.stats()).shards.map((shard) => shard.pid)];
  }

  #count(what: string, times = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + times;
  }
}

const order = JSON.parse(process.env[fullDiskVariable]!) as FullDiskOrder;
const one = new FullDiskCase(order, (await import(order.storeUrl)) as Store);
await one.run();
if (order.shortage === "file size") {
  rmSync(order.root, { recursive: true, force: true });
}
writeSync(1, `${JSON.stringify(one.counts)}\n`);
process.exit(0);
