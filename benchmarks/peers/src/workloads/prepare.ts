import { userBytes } from "../data/records.js";
import { scatteredOrder } from "../data/sequences.js";
import { bytesOnDisk } from "../measure/disk.js";
import { writtenBytes } from "../measure/processes.js";
import type { Entry, Store } from "../stores/store.js";
import type { Bench } from "./bench.js";
import type { Group } from "./group.js";

const batchEntries = 1_000;

/**
 * Loads the database that the reading groups use, in batches of 1,000 in scattered order of keys, and reports what it
 * takes on disk when nothing is left to be compacted.
 */
export const prepareGroup: Group = {
  name: "prepare",
  workloads: ["prepare"],
  onlyOnRequest: true,
  run: prepare,
};

export const prepareYcsbGroup: Group = {
  name: "prepare-ycsb",
  workloads: ["prepare-ycsb"],
  onlyOnRequest: true,
  prepared: "ycsb",
  run: prepare,
};

async function prepare(bench: Bench): Promise<void> {
  const { records, preparedFolder, workloads } = bench.job;
  await bench.withStore(preparedFolder, {}, async (store) => {
    await bench.measure(
      workloads[0]!,
      async (meter) => {
        await loadInBatches(bench, store, meter.done.bind(meter));
        meter.stop();
        await store.settle();
        const pids = [process.pid, ...(await store.processIds())];
        const written = writtenBytes(pids);
        const put = records * userBytes(bench.records, Math.floor(records / 2));
        const onDisk = bytesOnDisk(preparedFolder);
        return {
          writtenBytes: written,
          writeAmplification: written / put,
          bytesOnDisk: onDisk,
          spaceAmplification: onDisk / put,
        };
      },
      { seconds: Number.POSITIVE_INFINITY },
    );
  });
}

export async function loadInBatches(
  bench: Bench,
  store: Store,
  onBatch: (startedMs: number, entries: number) => void,
): Promise<void> {
  const { records } = bench.job;
  const order = scatteredOrder(records);
  for (let from = 0; from < records; from += batchEntries) {
    const batch: Entry[] = [];
    for (let index = from; index < Math.min(records, from + batchEntries); index++) {
      const number = order(index);
      batch.push([bench.records.keyOf(number), bench.records.valueOf(number, 0)]);
    }
    const startedMs = performance.now();
    await store.batch(batch);
    onBatch(startedMs, batch.length);
  }
  await store.drain();
}
