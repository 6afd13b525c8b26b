/** Runs workloads one after the other, on temporary databases that are removed at the end. */

import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { DurabilityMode, FastKV } from "fastkv";
import { openDatabase } from "fastkv-cli/kit/open-database";
import { startProgress } from "fastkv-cli/kit/progress";
import { withScratchFolder } from "fastkv-cli/kit/scratch-folder";
import { type Activity, ActivityWatch } from "./activity.js";
import { keyOf, valuePool } from "./data.js";
import { describeMachine, type Machine } from "./machine.js";
import { type Latencies, Meter, type Sample } from "./measure.js";
import { scattered } from "./random.js";
import type { Settings, Workload } from "./workload.js";

const sampleMs = 50;

export interface BenchmarkOptions extends Settings {
  /** Where the temporary databases are created. @default the system's temporary folder */
  parent: string | undefined;
  shards: number | undefined;
  durability: DurabilityMode | undefined;
}

export interface WorkloadResult {
  name: string;
  summary: string;
  operations: number;
  records: number;
  elapsedMs: number;
  recordsPerSecond: number;
  latencies: Latencies | undefined;
  samples: Sample[];
  activities: Activity[];
}

export interface BenchmarkResult {
  startedAt: string;
  machine: Machine;
  settings: Settings & { shards: number; durability: DurabilityMode };
  workloads: WorkloadResult[];
}

export function runBenchmark(
  chosen: readonly Workload[],
  options: BenchmarkOptions,
  signal: AbortSignal,
): Promise<BenchmarkResult> {
  return withScratchFolder(options.parent, "fastkv-benchmark-", (folder) =>
    runWorkloads(chosen, options, signal, folder),
  );
}

async function runWorkloads(
  chosen: readonly Workload[],
  options: BenchmarkOptions,
  signal: AbortSignal,
  folder: string,
): Promise<BenchmarkResult> {
  const databases = new Databases(folder, options, signal);
  const result: BenchmarkResult = {
    startedAt: new Date().toISOString(),
    machine: await describeMachine(folder),
    settings: {
      records: options.records,
      valueSizeBytes: options.valueSizeBytes,
      inFlight: options.inFlight,
      seed: options.seed,
      shards: 0,
      durability: options.durability ?? "background",
    },
    workloads: [],
  };
  try {
    for (const workload of chosen) {
      signal.throwIfAborted();
      const db = await databases.openFor(workload);
      result.settings.shards = (await db.stats()).shards.length;
      result.workloads.push(await measure(workload, db, options, signal));
      await databases.done(workload);
    }
  } finally {
    await databases.close();
  }
  return result;
}

async function measure(
  workload: Workload,
  db: FastKV,
  settings: Settings,
  signal: AbortSignal,
): Promise<WorkloadResult> {
  const total = workload.total(settings);
  const progress = await startProgress(workload.name.padEnd(16));
  const watch = await ActivityWatch.start(db);
  const meter = new Meter(sampleMs, (done) => progress.update(done, total));
  const value = valuePool(settings.valueSizeBytes, settings.seed);
  try {
    const { records, valueSizeBytes, inFlight, seed } = settings;
    await workload.run({ db, meter, signal, value, records, valueSizeBytes, inFlight, seed });
    const { elapsedMs, latencies } = meter.finish();
    return {
      name: workload.name,
      summary: workload.summary,
      operations: meter.operations,
      records: meter.records,
      elapsedMs,
      recordsPerSecond: meter.records / (elapsedMs / 1_000),
      latencies,
      samples: meter.samples,
      activities: await watch.stop(),
    };
  } catch (error) {
    await watch.stop().catch(() => {});
    throw error;
  } finally {
    progress.stop();
  }
}

/** The database for each workload: a new one, or the loaded one that several workloads share. */
class Databases {
  readonly #folder: string;
  readonly #options: BenchmarkOptions;
  readonly #signal: AbortSignal;
  #loaded: FastKV | undefined;
  #empty: FastKV | undefined;
  #count = 0;

  constructor(folder: string, options: BenchmarkOptions, signal: AbortSignal) {
    this.#folder = folder;
    this.#options = options;
    this.#signal = signal;
  }

  async openFor(workload: Workload): Promise<FastKV> {
    if (workload.database === "loaded") {
      this.#loaded ??= await this.#load();
      return this.#loaded;
    }
    this.#empty = await this.#open(`empty-${++this.#count}`);
    return this.#empty;
  }

  /** Removes a database that no other workload needs immediately, because it takes disk space. */
  async done(workload: Workload): Promise<void> {
    if (workload.database === "empty" && this.#empty) {
      await this.#empty.close();
      this.#empty = undefined;
      await rm(join(this.#folder, `empty-${this.#count}`), { recursive: true, force: true });
    }
  }

  async close(): Promise<void> {
    await this.#empty?.close();
    await this.#loaded?.close();
  }

  #open(name: string): Promise<FastKV> {
    const { shards, durability } = this.#options;
    return openDatabase(join(this.#folder, name), { shards, durability });
  }

  async #load(): Promise<FastKV> {
    const { records, valueSizeBytes, seed } = this.#options;
    const db = await this.#open("loaded");
    this.#loaded = db;
    const value = valuePool(valueSizeBytes, seed);
    const order = scattered(records);
    const progress = await startProgress("preparing data  ");
    function* entries(): Generator<[string, string]> {
      for (let index = 0; index < records; index++) {
        const number = order(index);
        yield [keyOf(number), value(number)];
        if (index % 1_000 === 0) {
          progress.update(index, records);
        }
      }
    }
    try {
      await db.bulkLoad(entries(), { signal: this.#signal });
    } finally {
      progress.stop();
    }
    return db;
  }
}
