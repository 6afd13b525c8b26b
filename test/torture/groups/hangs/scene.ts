/** What every case of a hang has, and what it may do. */

import { execFileSync } from "node:child_process";
import path from "node:path";
import { expect } from "chai";
import type { OpenOptions } from "../../../../coordinator/calls/options.js";
import type { FastKV } from "../../../../coordinator/fastkv.js";
import { Random } from "../../../support/random.js";
import type { Store } from "../../group.js";
import { shards } from "./ledger.js";
import type { HangOrder } from "./order.js";

export class Scene {
  readonly order: HangOrder;
  readonly store: Store;
  readonly random: Random;
  readonly counts: Record<string, number> = {};
  folder: string;

  constructor(order: HangOrder, store: Store) {
    this.order = order;
    this.store = store;
    this.random = new Random(order.seed);
    this.folder = path.join(order.root, "db");
  }

  open(options: OpenOptions = {}): Promise<FastKV<string>> {
    const common = {
      shards,
      readCacheSize: 0,
      scanCacheSize: 0,
      syncInterval: 5,
      runtimeFolder: this.order.root,
    };
    return this.store.FastKV.open<string>(this.folder, { ...common, ...options });
  }

  count(what: string, times = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + times;
  }

  most(what: string, value: number): void {
    this.counts[what] = Math.max(this.counts[what] ?? 0, Math.round(value));
  }

  async expectSound(): Promise<void> {
    const report = await this.store.verify(this.folder);
    expect(report.findings.filter(({ severity }) => severity === "damage")).to.deep.equal([]);
  }
}

export async function shardPids(db: FastKV<string>): Promise<number[]> {
  return (await db.stats()).shards.map((shard) => shard.pid);
}

/** The processes that a process has started. */
export function childrenOf(pid: number): number[] {
  const table = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" });
  return table
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number])
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child);
}

export function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

/** Rejects where it takes longer. */
export async function within<T>(timeoutMs: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Not within ${timeoutMs} ms: ${what}`)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
