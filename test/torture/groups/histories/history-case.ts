/** One database, its clients and what befalls its shards meanwhile; what came of it is checked. */

import { once } from "node:events";
import path from "node:path";
import type { FastKV } from "../../../../coordinator/fastkv.js";
import type { DurabilityMode, FastKVError, OpenOptions } from "../../../../coordinator/index.js";
import type { Random } from "../../../support/random.js";
import type { TortureContext } from "../../group.js";
import { findOrderViolation } from "./checker/call-order.js";
import { checkLinearizability } from "./checker/linearizability.js";
import { type CallCounts, Client } from "./client.js";
import { Keys } from "./keys.js";
import { foundValues, Recorder } from "./recorder.js";

/** "kills": shards die and are started again. "gives up": one dies until it is given up, and calls fail. */
export type Disturbance = "nothing" | "kills" | "gives up";

export interface HistoryPlan {
  readonly shards: number;
  readonly durability: DurabilityMode;
  /** Of both caches: values and pages of scans. */
  readonly cachesSize: number;
  readonly disturbance: Disturbance;
}

export type HistoryCounts = CallCounts &
  Record<
    | "shard kills"
    | "shards given up"
    | "failed calls"
    | "writes in doubt"
    | "flushes"
    | "compactions"
    | "cache hits"
    | "scan cache hits"
    | "writes checked"
    | "reads checked"
    | "keys checked"
    | "keys undecided",
    number
  >;

/** Of one database; more deaths of one shard within half a minute, and it would be given up. */
const mostKills = 4;
const callsBetweenMaintenance = 250;

export class HistoryCase {
  readonly #context: TortureContext;
  readonly #plan: HistoryPlan;
  readonly #counts: HistoryCounts;
  readonly #random: Random;
  readonly #recorder: Recorder;
  readonly #keys: Keys;
  readonly #root: string;
  /** Calls that clients may still make. */
  #callsLeft: number;
  #hasGivenUp = false;

  constructor(context: TortureContext, plan: HistoryPlan, counts: HistoryCounts) {
    this.#context = context;
    this.#plan = plan;
    this.#counts = counts;
    this.#random = context.random.fork();
    this.#recorder = new Recorder(plan.disturbance === "gives up");
    this.#keys = new Keys(this.#random.pick([24, 150, 150, 1200]), this.#random);
    this.#root = context.folder();
    this.#callsLeft = this.#keys.all.length > 500 ? 1000 : 2500;
  }

  /** Throws where the history is wrong. */
  async run(): Promise<void> {
    const { disturbance } = this.#plan;
    const db = await this.#open();
    db.on("shard-failed", () => {
      this.#hasGivenUp = true;
    });
    await this.#client(db).fill();
    const clients = Array.from({ length: this.#random.between(4, 12) }, () => this.#work(db));
    const others: Promise<void>[] = [];
    if (disturbance === "kills") {
      others.push(this.#killShards(db));
    } else if (disturbance === "gives up") {
      others.push(this.#giveUp(db));
    }
    await Promise.all([...clients, ...others]);
    if (!this.#hasGivenUp) {
      await this.#note(db);
    }
    await this.#close(db);
    this.#recorder.noteReopened();
    const reopened = await this.#open();
    await this.#lookAtAll(reopened);
    await reopened.close();
    this.#check();
  }

  #open(): Promise<FastKV<string>> {
    const { shards, durability, cachesSize } = this.#plan;
    const options: OpenOptions = {
      shards,
      durability,
      readCacheSize: cachesSize,
      scanCacheSize: cachesSize,
      runtimeFolder: this.#root,
      handleSignals: false,
      // So small that flushes and compactions are always under way.
      maxMemtableSize: 64 * 1024,
      targetTableSize: 64 * 1024,
      levelOneSize: 128 * 1024,
      blockSize: 1024,
      cacheSize: this.#random.pick([0, 64 * 1024]),
      syncInterval: this.#random.pick([1, 20, 100]),
    };
    return this.#context.store.FastKV.open<string>(path.join(this.#root, "database"), options);
  }

  #client(db: FastKV<string>): Client {
    // What is acknowledged at once may be lost with a shard that is given up.
    const modes = (["none", "background", "sync"] as const).slice(
      this.#plan.disturbance === "gives up" ? 1 : 0,
    );
    return new Client(db, this.#recorder, this.#keys, this.#random.fork(), this.#counts, modes);
  }

  async #work(db: FastKV<string>): Promise<void> {
    const client = this.#client(db);
    while (this.#callsLeft > 0) {
      this.#callsLeft -= 1;
      await (this.#callsLeft % callsBetweenMaintenance === 0 ? this.#maintain(db) : client.act());
    }
  }

  /** Somebody flushes and compacts by hand, too. */
  async #maintain(db: FastKV<string>): Promise<void> {
    try {
      await (this.#random.chance(0.7) ? db.flush() : db.compact());
    } catch (error) {
      if (this.#plan.disturbance !== "gives up") {
        throw error;
      }
    }
  }

  async #killShards(db: FastKV<string>): Promise<void> {
    for (let kills = this.#random.between(2, mostKills); kills > 0 && this.#callsLeft > 0; kills -= 1) {
      await turns(this.#random.int(200));
      const { shards } = await db.stats();
      const { pid } = this.#random.pick(shards);
      await turns(this.#random.int(200));
      const restarted = once(db, "shard-restart");
      const restart = this.#recorder.noteRestart();
      process.kill(pid, "SIGKILL");
      this.#counts["shard kills"] += 1;
      await restarted;
      // It answers when it is back, and has answered all that was called before.
      await db.stats();
      restart.done();
    }
  }

  /** Kills one shard until it is given up. */
  async #giveUp(db: FastKV<string>): Promise<void> {
    const victim = this.#random.int(this.#plan.shards);
    this.#recorder.noteRestart();
    while (!this.#hasGivenUp) {
      await turns(this.#random.int(30));
      const pid = await db.stats().then(
        ({ shards }) => shards.find(({ shard }) => shard === victim)?.pid,
        () => undefined,
      );
      if (pid !== undefined) {
        kill(pid);
        this.#counts["shard kills"] += 1;
      }
    }
    this.#counts["shards given up"] += 1;
  }

  async #note(db: FastKV<string>): Promise<void> {
    const { shards, read_cache: values, scan_cache: pages } = await db.stats();
    for (const { flushes, compactions } of shards) {
      this.#counts.flushes += flushes;
      this.#counts.compactions += compactions;
    }
    this.#counts["cache hits"] += values.hits;
    this.#counts["scan cache hits"] += pages.hits;
  }

  /** What was called before it is finished by it, awaited or not. */
  async #close(db: FastKV<string>): Promise<void> {
    const last = this.#client(db);
    const calls = Array.from({ length: 30 }, () => last.write());
    const closed = db.close().catch((error: FastKVError) => {
      // It tells of what the shard that was given up had not synced.
      if (!this.#hasGivenUp || error.code !== "FASTKV_SHARD_UNAVAILABLE") {
        throw error;
      }
    });
    await Promise.all([...calls, closed]);
  }

  async #lookAtAll(db: FastKV<string>): Promise<void> {
    const { all } = this.#keys;
    await this.#recorder.cut("scan after the next opening", async () => {
      const entries = new Map(await db.scan().toArray());
      const values = foundValues(
        all,
        all.map((key) => entries.get(key)),
      );
      return { values, count: { keys: all, found: entries.size } };
    });
    await this.#recorder.read("getMany after the next opening", async () => {
      return { values: foundValues(all, await db.getMany(all)) };
    });
  }

  #check(): void {
    const history = this.#recorder.history();
    const { violation, undecided, keys } = checkLinearizability(history);
    const wrong = violation ?? findOrderViolation(history);
    if (wrong !== undefined) {
      throw new Error(`${wrong} [${JSON.stringify(this.#plan)}]`);
    }
    const counts = this.#counts;
    counts["writes checked"] += history.writes.length;
    counts["reads checked"] += history.reads.length;
    counts["keys checked"] += keys;
    counts["keys undecided"] += undecided;
    counts["failed calls"] += this.#recorder.failedCalls;
    counts["writes in doubt"] += history.writes.filter(({ outcome }) => outcome === "in-doubt").length;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It is gone.
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
