/**
 * YCSB's core workloads as its authors define them (workloada to workloadf in the project's repository). An update
 * writes one field; a store that knows only whole values reads, changes and puts, as YCSB's bindings for such stores
 * do.
 */

import { Random } from "fastkv-plugin-benchmark/random";
import { latestDistances, zipfianNumbers } from "../data/sequences.js";
import { fieldCount, fieldName, fieldOf, type YcsbRecord } from "../data/ycsb-records.js";
import { drive } from "../measure/drive.js";
import type { Store } from "../stores/store.js";
import type { Bench } from "./bench.js";
import type { Group } from "./group.js";

type Operation = "read" | "update" | "insert" | "scan";

interface Mix {
  name: string;
  /** The share of calls that read one record (in workload E: that scan). */
  reads: number;
  reading: "read" | "scan";
  writing: "update" | "insert";
  choice: "zipfian" | "latest";
}

const mixes = {
  a: { name: "ycsb-a", reads: 0.5, reading: "read", writing: "update", choice: "zipfian" },
  b: { name: "ycsb-b", reads: 0.95, reading: "read", writing: "update", choice: "zipfian" },
  c: { name: "ycsb-c", reads: 1, reading: "read", writing: "update", choice: "zipfian" },
  // F differs from A only in that its client itself reads what it changes; here an update does that, too.
  f: { name: "ycsb-f", reads: 0.5, reading: "read", writing: "update", choice: "zipfian" },
  d: { name: "ycsb-d", reads: 0.95, reading: "read", writing: "insert", choice: "latest" },
  e: { name: "ycsb-e", reads: 0.95, reading: "scan", writing: "insert", choice: "zipfian" },
} as const satisfies Record<string, Mix>;

const inFlight = 64;
const longestScan = 100;

/** In the order that the authors require: D and E insert, so each begins with the original records. */
export const ycsbGroup: Group = {
  name: "ycsb",
  workloads: Object.values(mixes).map((mix) => mix.name),
  prepared: "ycsb",
  async run(bench) {
    await inOneStore(bench, [mixes.a, mixes.b, mixes.c, mixes.f, mixes.d]);
    await inOneStore(bench, [mixes.e]);
  },
};

async function inOneStore(bench: Bench, all: readonly [Mix, ...Mix[]]): Promise<void> {
  if (!all.some((mix) => bench.wants(mix.name))) {
    return;
  }
  await bench.withCopy({ readCache: true }, async (store) => {
    const [{ reading }] = all;
    if (reading === "scan") {
      if (store.collect === undefined) {
        return;
      }
      const client = new YcsbClient(bench, store, mixes.e);
      await bench.fillCachesBy((1 + longestScan) / 2, () => client.scan());
    } else {
      await bench.fillCaches(store, zipfianNumbers(bench.job.seed + 8, bench.job.records));
    }
    for (const mix of all) {
      const client = new YcsbClient(bench, store, mix);
      await bench.measure(
        mix.name,
        (meter) => drive(meter, Number.POSITIVE_INFINITY, inFlight, 1, () => client.call()),
        { warmUp: true },
      );
    }
  });
}

class YcsbClient {
  readonly #bench: Bench;
  readonly #store: Store;
  readonly #mix: Mix;
  readonly #random: Random;
  readonly #zipfian: () => number;
  readonly #distance: () => number;
  /** Records that were put or are being put; all those below `#acknowledged` exist. */
  #inserted: number;
  #acknowledged: number;
  readonly #acknowledgedAhead = new Set<number>();
  #version = 0;

  constructor(bench: Bench, store: Store, mix: Mix) {
    const { records, seed } = bench.job;
    this.#bench = bench;
    this.#store = store;
    this.#mix = mix;
    this.#random = new Random(seed + 5);
    this.#zipfian = zipfianNumbers(seed + 6, records);
    this.#distance = latestDistances(seed + 7, records);
    this.#inserted = records;
    this.#acknowledged = records;
  }

  call(): Promise<void> {
    switch (this.#nextOperation()) {
      case "read":
        return this.#read();
      case "update":
        return this.#update();
      case "insert":
        return this.#insert();
      case "scan":
        return this.scan();
    }
  }

  #nextOperation(): Operation {
    return this.#random.below(1_000) < this.#mix.reads * 1_000 ? this.#mix.reading : this.#mix.writing;
  }

  #nextNumber(): number {
    return this.#mix.choice === "zipfian" ? this.#zipfian() : this.#acknowledged - 1 - this.#distance();
  }

  async #read(): Promise<void> {
    const number = this.#nextNumber();
    this.#bench.check(number, await this.#store.get(this.#bench.records.keyOf(number)));
  }

  async #update(): Promise<void> {
    const number = this.#nextNumber();
    const key = this.#bench.records.keyOf(number);
    const value = await this.#store.get(key);
    this.#bench.check(number, value);
    const field = this.#random.below(fieldCount);
    const changed = { ...(value as YcsbRecord), [fieldName(field)]: fieldOf(number, field, ++this.#version) };
    await this.#store.put(key, changed);
  }

  async #insert(): Promise<void> {
    const number = this.#inserted++;
    const { records } = this.#bench;
    await this.#store.put(records.keyOf(number), records.valueOf(number, 0));
    this.#acknowledgedAhead.add(number);
    while (this.#acknowledgedAhead.delete(this.#acknowledged)) {
      this.#acknowledged++;
    }
  }

  /** Does one scan. Each value is checked against the number that it claims, and one number against its key. */
  async scan(): Promise<void> {
    const { records } = this.#bench;
    const from = records.keyOf(this.#nextNumber());
    const limit = 1 + this.#random.below(longestScan);
    const entries = [...(await this.#store.collect!({ from, limit }))];
    if (entries[0]?.[0] !== from || entries.length > limit) {
      throw new Error(`a scan of ${limit} from ${from} gave ${entries.length}, first ${entries[0]?.[0]}`);
    }
    let last = "";
    for (const [key, value] of entries) {
      if (key <= last) {
        throw new Error(`${key} came behind ${last}`);
      }
      last = key;
      this.#bench.check(records.numberOf(value), value);
    }
    const [key, value] = entries[this.#random.below(entries.length)]!;
    if (records.keyOf(records.numberOf(value)) !== key) {
      throw new Error(`${key} has the value of ${records.keyOf(records.numberOf(value))}`);
    }
  }
}
