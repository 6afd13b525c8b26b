/** What the shards do while a workload runs: flushes, compactions and stalls, seen by polling `stats()`. */

import { performance } from "node:perf_hooks";
import type { DatabaseStats, FastKV } from "fastkv";

const pollMs = 100;

export const activityKinds = ["flush", "compaction", "stall"] as const;
export type ActivityKind = (typeof activityKinds)[number];

/** Between two polls, `count` more of `kind` ended (for a stall: milliseconds). */
export interface Activity {
  kind: ActivityKind;
  fromMs: number;
  toMs: number;
  count: number;
}

/** Polls until `stop()`. A poll costs the shards next to nothing, and delays no operation by more than one message. */
export class ActivityWatch {
  readonly activities: Activity[] = [];
  readonly #db: FastKV;
  readonly #startedMs = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> = Promise.resolve();
  #last: Totals;
  #lastMs = 0;

  private constructor(db: FastKV, first: Totals) {
    this.#db = db;
    this.#last = first;
    this.#timer = setInterval(() => {
      this.#polling = this.#polling.then(() => this.#poll());
    }, pollMs);
  }

  static async start(db: FastKV): Promise<ActivityWatch> {
    return new ActivityWatch(db, totals(await db.stats()));
  }

  async stop(): Promise<Activity[]> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#polling;
    await this.#poll();
    return this.activities;
  }

  async #poll(): Promise<void> {
    const now = totals(await this.#db.stats());
    const atMs = performance.now() - this.#startedMs;
    for (const kind of activityKinds) {
      const count = now[kind] - this.#last[kind];
      if (count > 0) {
        this.activities.push({ kind, fromMs: this.#lastMs, toMs: atMs, count });
      }
    }
    this.#last = now;
    this.#lastMs = atMs;
  }
}

type Totals = Record<ActivityKind, number>;

function totals(stats: DatabaseStats): Totals {
  const sum: Totals = { flush: 0, compaction: 0, stall: 0 };
  for (const { flushes, compactions, stall } of stats.shards) {
    sum.flush += flushes;
    sum.compaction += compactions;
    sum.stall += stall.slow_ms + stall.stop_ms;
  }
  return sum;
}
