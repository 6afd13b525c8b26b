/** What a group of workloads uses: stores, measurements, checks. */

import { spawnSync } from "node:child_process";
import { cp, rm } from "node:fs/promises";
import path from "node:path";
import { type Records, recordsOf } from "../data/records.js";
import { ycsbRecords } from "../data/ycsb-records.js";
import { drive } from "../measure/drive.js";
import type { Measurement } from "../measure/measurement.js";
import { Meter } from "../measure/meter.js";
import type { Job, JobMessage } from "../run/job.js";
import type { Peer, Store, StoreOptions } from "../stores/store.js";

export type OpenSettings = Partial<Pick<StoreOptions, "durability" | "readCache">>;

/** Times `seconds`. JavaScript code is slower until it has been compiled, in all processes of a store. */
const warmUpFactor = 1.5;
/** Enough to fill the caches, even if most of the keys are already in them. */
const fillingEntries = 3_000_000;
const fillingInFlight = 256;

export class Bench {
  readonly job: Job;
  readonly peer: Peer;
  readonly records: Records;
  readonly #send: (message: JobMessage) => void;
  #folders = 0;

  constructor(job: Job, peer: Peer, isYcsb: boolean, send: (message: JobMessage) => void) {
    this.job = job;
    this.peer = peer;
    this.records = isYcsb ? ycsbRecords : recordsOf(job.valueKind);
    this.#send = send;
  }

  wants(workload: string): boolean {
    return this.job.workloads.includes(workload);
  }

  /** Opens an empty store for `work`, and removes it afterwards. */
  async withEmpty(
    settings: OpenSettings,
    work: (store: Store, folder: string) => Promise<void>,
  ): Promise<void> {
    const folder = this.newFolder();
    await this.withStore(folder, settings, (store) => work(store, folder));
    await rm(folder, { recursive: true, force: true });
  }

  /** Opens the loaded store for `work`, which only reads. */
  async withPrepared(settings: OpenSettings, work: (store: Store) => Promise<void>): Promise<void> {
    await this.withStore(this.job.preparedFolder, settings, work);
  }

  /** Opens a copy of the loaded store for `work`, and removes it afterwards. */
  async withCopy(settings: OpenSettings, work: (store: Store) => Promise<void>): Promise<void> {
    const folder = this.newFolder();
    await cp(this.job.preparedFolder, folder, { recursive: true });
    // Data of the copy that the system has not yet written must not affect the measurement.
    spawnSync("sync");
    await this.withStore(folder, settings, work);
    await rm(folder, { recursive: true, force: true });
  }

  async withStore(
    folder: string,
    settings: OpenSettings,
    work: (store: Store) => Promise<void>,
  ): Promise<void> {
    const store = await this.open(folder, settings);
    try {
      await work(store);
    } finally {
      await store.close();
    }
  }

  async open(folder: string, { durability = "background", readCache = false }: OpenSettings): Promise<Store> {
    const store = await this.peer.open({ folder, values: this.records.values, durability, readCache });
    this.#send({ type: "processes", pids: [process.pid, ...(await store.processIds())] });
    return store;
  }

  get warmUpMs(): number {
    return this.job.seconds * 1_000 * warmUpFactor;
  }

  newFolder(): string {
    return path.join(this.job.folder, `store-${this.#folders++}`);
  }

  /** Measures a workload if it was requested. */
  async measure(
    workload: string,
    work: (meter: Meter) => Promise<Record<string, number> | undefined> | Promise<void>,
    options: { seconds?: number; warmUp?: boolean } = {},
  ): Promise<void> {
    if (!this.wants(workload)) {
      return;
    }
    const limitMs = (options.seconds ?? this.job.seconds) * 1_000;
    if (options.warmUp === true) {
      await work(new Meter(this.warmUpMs));
    }
    this.#send({ type: "begin", workload });
    const meter = new Meter(limitMs);
    const figures = await work(meter);
    this.report(workload, meter.finish(), figures ?? {});
  }

  /** Reads keys without measuring, so that the caches have the content that they have after a while. */
  async fillCaches(store: Store, next: () => number): Promise<void> {
    await this.fillCachesBy(1, async () => {
      const number = next();
      this.check(number, await store.get(this.records.keyOf(number)));
    });
  }

  /** The same with other calls, each of which reads `entriesPerCall` records on average. */
  async fillCachesBy(entriesPerCall: number, call: () => Promise<void>): Promise<void> {
    const calls = Math.ceil(Math.min(fillingEntries, this.job.records) / entriesPerCall);
    await drive(new Meter(Number.POSITIVE_INFINITY), calls, fillingInFlight, 1, call);
  }

  report(workload: string, measurement: Measurement, figures: Record<string, number>): void {
    this.#send({ type: "result", workload, measurement: { ...measurement, figures } });
  }

  begin(workload: string): void {
    this.#send({ type: "begin", workload });
  }

  /** @returns the version of the record that was read. */
  check(number: number, value: unknown): number {
    const version = this.records.versionOf(number, value);
    if (version === undefined) {
      const found = value === undefined ? "nothing" : JSON.stringify(value)?.slice(0, 200);
      throw new Error(`${this.records.keyOf(number)} came back as ${found}`);
    }
    return version;
  }

  /** Reads some of the records back, without measuring. */
  async checkSome(store: Store, numberOf: (index: number) => number, count: number): Promise<void> {
    const step = Math.max(1, Math.floor(count / 1_000));
    for (let index = 0; index < count; index += step) {
      const number = numberOf(index);
      this.check(number, await store.get(this.records.keyOf(number)));
    }
  }
}
