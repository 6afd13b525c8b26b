/** One database and the lives that end in it, each with SIGKILL; each must find what the ones before were promised. */

import path from "node:path";
import { Promised } from "../../../crash/processes/strikes/promised.js";
import type { Random } from "../../../support/random.js";
import type { TortureContext } from "../../group.js";
import { Life } from "../../life/life.js";
import type { LifePlan } from "../../life/plan.js";

export type KillCounts = Record<
  "shard" | "several shards" | "coordinator" | "everything" | "while opening" | "lives" | "verified",
  number
>;

/** A shard that dies more often within half a minute may be given up. */
const mostShardKills = 2;

export class KilledDatabase {
  readonly #context: TortureContext;
  readonly #counts: KillCounts;
  readonly #random: Random;
  readonly #root: string;
  readonly #shards: number;
  readonly #syncIntervalMs: number;
  readonly #promised: Promised;
  readonly #lives: Life[] = [];

  constructor(context: TortureContext, counts: KillCounts) {
    this.#context = context;
    this.#counts = counts;
    this.#random = context.random.fork();
    this.#root = context.folder();
    this.#shards = this.#random.pick([2, 3]);
    this.#syncIntervalMs = this.#random.pick([5, 100]);
    this.#promised = new Promised(this.#shards);
  }

  async torture(isOver: () => boolean): Promise<void> {
    try {
      while (!isOver()) {
        await this.#live(isOver);
        if (this.#random.chance(0.15)) {
          await this.#verify();
        }
      }
      const last = this.#begin();
      await last.opened();
      await last.rounds(2);
      await last.look();
      await last.close();
      await this.#verify();
    } finally {
      // The shards of a killed coordinator end by themselves, a little later.
      await Promise.all(this.#lives.map((life) => life.destroy()));
    }
  }

  #begin(): Life {
    this.#counts.lives += 1;
    const plan: LifePlan = {
      folder: path.join(this.#root, "database"),
      runtimeFolder: this.#root,
      notes: path.join(this.#root, `life-${this.#lives.length + 1}`),
      seed: this.#random.next32(),
      shards: this.#shards,
      syncIntervalMs: this.#syncIntervalMs,
    };
    const life = new Life(plan, this.#promised);
    this.#lives.push(life);
    return life;
  }

  async #live(isOver: () => boolean): Promise<void> {
    const random = this.#random;
    const life = this.#begin();
    const victim = random.pick(["coordinator", "everything"] as const);
    if (this.#lives.length > 1 && random.chance(0.2)) {
      await pause(random.int(250));
      this.#counts["while opening"] += 1;
    } else {
      await life.opened();
      await life.rounds(random.between(1, 3));
      const shardKills = random.int(mostShardKills + 1);
      for (let strike = 0; strike < shardKills && !isOver(); strike++) {
        await pause(random.int(30));
        const count = random.between(1, this.#shards);
        life.killShards(count, random);
        this.#counts[count === 1 ? "shard" : "several shards"] += 1;
        await pause(random.int(30));
        await life.look();
      }
      await pause(random.int(60));
    }
    this.#counts[victim] += 1;
    await life.kill(victim);
  }

  async #verify(): Promise<void> {
    const report = await this.#context.store.verify(path.join(this.#root, "database"));
    this.#counts.verified += 1;
    if (!report.isSound) {
      throw new Error(`verify found damage: ${JSON.stringify(report.findings.slice(0, 5))}`);
    }
  }
}

/** A moment by chance is the point: there is nothing to wait for. */
function pause(timeMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, timeMs));
}
