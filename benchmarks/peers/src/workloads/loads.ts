import { userBytes } from "../data/records.js";
import { scatteredOrder } from "../data/sequences.js";
import { bytesOnDisk } from "../measure/disk.js";
import type { Meter } from "../measure/meter.js";
import { writtenBytes } from "../measure/processes.js";
import type { Entry, Store } from "../stores/store.js";
import type { Bench } from "./bench.js";
import type { Group } from "./group.js";

const batchEntries = 1_000;

/** Loads all records into an empty store, by its own bulk load or in batches of 1,000, one after the other. */
export const loadGroup: Group = {
  name: "load",
  workloads: ["bulk-sorted", "bulk-random"],
  async run(bench) {
    await load(bench, "bulk-sorted", (index) => index);
    await load(bench, "bulk-random", scatteredOrder(bench.job.records));
  },
};

async function load(bench: Bench, workload: string, order: (index: number) => number): Promise<void> {
  if (!bench.wants(workload)) {
    return;
  }
  const { records } = bench.job;
  await bench.withEmpty({}, async (store, folder) => {
    const pids = [process.pid, ...(await store.processIds())];
    const before = writtenBytes(pids);
    await bench.measure(
      workload,
      async (meter) => {
        await loadAll(store, entries(bench, order, meter));
        await store.drain();
        meter.stop();
        const put = records * userBytes(bench.records, Math.floor(records / 2));
        return {
          bytesOnDisk: bytesOnDisk(folder),
          writeAmplification: (writtenBytes(pids) - before) / put,
          ...(await store.facts?.()),
        };
      },
      { seconds: Number.POSITIVE_INFINITY },
    );
    await bench.checkSome(store, order, records);
  });
}

/** Returns the records one by one: the meter counts them when the store requests the next. */
function* entries(bench: Bench, order: (index: number) => number, meter: Meter): Generator<Entry> {
  for (let index = 0; index < bench.job.records; index++) {
    const number = order(index);
    yield [bench.records.keyOf(number), bench.records.valueOf(number, 0)];
    if (index % batchEntries === batchEntries - 1) {
      meter.progress(batchEntries);
    }
  }
}

async function loadAll(store: Store, all: Iterable<Entry>): Promise<void> {
  if (store.bulk !== undefined) {
    await store.bulk(all);
    return;
  }
  let batch: Entry[] = [];
  for (const entry of all) {
    batch.push(entry);
    if (batch.length === batchEntries) {
      await store.batch(batch);
      batch = [];
    }
  }
  if (batch.length > 0) {
    await store.batch(batch);
  }
}
