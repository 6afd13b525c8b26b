/** One workload, one crash, perhaps another while the store recovers, and what must be true of the outcome. */

import type { FastKV } from "../../../coordinator/fastkv.js";
import { InProcessLauncher, type JobPurpose } from "../../support/in-process-launcher.js";
import { Random } from "../../support/random.js";
import { type CrashMode, type DiskCall, SimulatedFileSystem } from "../../support/simulated-file-system.js";
import {
  openSimulated,
  restart,
  type SimulatedStore,
  SteppedClock,
  tinySettings,
} from "../../support/simulated-store.js";
import { Oracle } from "./oracle.js";
import { type CrashTable, type Step, stepOf } from "./steps.js";
import { type Touched, Workload } from "./workload.js";

/**
 * Which mutating call of the disk a crash strikes: the n-th of all, or of those of a step. Two runs of a workload differ
 * in the order of a few calls, so that only the latter is sure to meet its step.
 */
export type CrashPlace = number | { step: Step; nth: number };

export interface CrashPlan {
  seed: number;
  shards: number;
  steps: number;
  /** Undefined: no crash. */
  at: CrashPlace | undefined;
  mode: CrashMode;
  /** Another crash at this call of the recovery. */
  againAt: number | undefined;
}

const options = {
  encoding: "binary",
  maxMemtableSize: 64 * 1024,
  readCacheSize: 0,
  scanCacheSize: 0,
} as const;

export class CrashRun {
  readonly touched: Touched[] = [];
  /** The steps of all mutating calls before the crash, in order. */
  readonly calls: (Step | undefined)[] = [];
  readonly #plan: CrashPlan;
  readonly #random: Random;
  readonly #clock = new SteppedClock();
  readonly #oracle: Oracle;
  readonly #table: CrashTable | undefined;
  #disk: SimulatedFileSystem;
  #job: JobPurpose | undefined;
  #launcher: InProcessLauncher | undefined;

  constructor(plan: CrashPlan, table?: CrashTable) {
    this.#plan = plan;
    this.#table = table;
    this.#random = new Random(plan.seed);
    this.#oracle = new Oracle(plan.shards);
    const random = this.#random.fork();
    this.#disk = new SimulatedFileSystem({ random, maxAsyncTurns: 3, folders: ["/data"] });
  }

  /** The calls on the disk before the end, for a failure's message. */
  trace(): string {
    return this.#disk.trace();
  }

  async run(): Promise<void> {
    const { at, mode, againAt } = this.#plan;
    this.#watch(at);
    await this.#untilCrash(this.#work());
    await this.#crash(mode);
    if (againAt !== undefined) {
      this.#watch(againAt);
      await this.#untilCrash(this.#reopenOnly());
      await this.#crash(mode);
    }
    await this.#check(mode === "keepAll");
  }

  /** Notes the steps of the calls from now on, and lets the disk crash at one of them. */
  #watch(at: CrashPlace | undefined): void {
    const disk = this.#disk;
    const place = typeof at === "object" ? { ...at } : undefined;
    disk.operationsUntilCrash = typeof at === "number" ? at : undefined;
    disk.onMutation = (call: DiskCall) => {
      const step = stepOf(call, this.#job);
      this.calls.push(step);
      if (place !== undefined && step === place.step) {
        place.nth -= 1;
        disk.operationsUntilCrash = place.nth === 0 ? 1 : undefined;
      }
    };
  }

  async #work(): Promise<void> {
    const disk = this.#disk;
    const store = await this.#open();
    const random = this.#random.fork();
    const workload = new Workload(store, this.#oracle, this.#clock, random, () => disk.hasCrashed);
    this.touched.push(workload.touched);
    await workload.run(this.#plan.steps);
  }

  async #reopenOnly(): Promise<void> {
    const { db } = await this.#open();
    await db.close();
  }

  async #open(): Promise<SimulatedStore> {
    const onJob = (purpose: JobPurpose | undefined): void => {
      this.#job = purpose;
    };
    const { shards } = this.#plan;
    const launcher = new InProcessLauncher(this.#disk, { settings: tinySettings, onJob });
    this.#launcher = launcher;
    return openSimulated(this.#disk, this.#clock, { ...options, shards }, launcher);
  }

  /** Waits for the work to end or the machine to crash, whichever comes first. */
  async #untilCrash(work: Promise<void>): Promise<void> {
    const disk = this.#disk;
    let isOver = false;
    let failure: unknown;
    work.then(
      () => {
        isOver = true;
      },
      (error: unknown) => {
        isOver = true;
        failure = disk.hasCrashed ? undefined : error;
      },
    );
    while (!isOver && !disk.hasCrashed) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (failure !== undefined) {
      throw failure;
    }
    if (disk.hasCrashed) {
      this.#table?.note(this.calls.at(-1));
    }
  }

  async #crash(mode: CrashMode): Promise<void> {
    this.#disk.onMutation = undefined;
    await this.#launcher?.close();
    this.#disk = restart(this.#disk, this.#random, mode);
    this.#job = undefined;
  }

  async #check(keepsAll: boolean): Promise<void> {
    let { db } = await this.#open();
    const found = await readAll(db);
    this.#oracle.check(found, this.#clock.nowMs, keepsAll);
    // What recovery left is whole: nothing comes back or goes when tables are rewritten, or at the next start.
    await db.compact();
    sameEntries(await readAll(db), found, "after a compaction");
    await db.put("afterwards", Buffer.from("x"), { durability: "sync" });
    await db.delete("afterwards");
    await db.close();
    ({ db } = await this.#open());
    sameEntries(await readAll(db), found, "after another start");
    await db.close();
  }
}

/** Everything there is, by a scan that agrees with itself backwards, with the count and with point reads. */
async function readAll(db: FastKV): Promise<Map<string, string>> {
  const text = (bytes: unknown): string => Buffer.from(bytes as Uint8Array).toString("latin1");
  const entries = await db.scan({ keyEncoding: "binary" }).toArray();
  const keys = entries.map(([key]) => text(key));
  const found = new Map(entries.map(([key, value]) => [text(key), text(value)]));
  if (keys.some((key, at) => at > 0 && keys[at - 1]! >= key)) {
    throw new Error("A scan is out of order");
  }
  const backwards = await db.keys({ keyEncoding: "binary", reverse: true }).toArray();
  const count = await db.count();
  const values = await db.getMany(entries.map(([key]) => key));
  if (
    count !== keys.length ||
    backwards.map(text).reverse().join() !== keys.join() ||
    values.some((value, at) => value === undefined || text(value) !== found.get(keys[at]!))
  ) {
    throw new Error("Scan, reverse scan, count and getMany disagree");
  }
  return found;
}

function sameEntries(
  actual: ReadonlyMap<string, string>,
  expected: ReadonlyMap<string, string>,
  when: string,
): void {
  const odd = [...new Set([...actual.keys(), ...expected.keys()])].filter(
    (key) => actual.get(key) !== expected.get(key),
  );
  if (odd.length > 0) {
    throw new Error(`${odd.length} keys differ ${when}, such as ${odd.slice(0, 3).join(", ")}`);
  }
}
