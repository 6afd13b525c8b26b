import { userBytes } from "../data/records.js";
import { scatteredOrder } from "../data/sequences.js";
import { bytesOnDisk } from "../measure/disk.js";
import { drive } from "../measure/drive.js";
import type { Meter } from "../measure/meter.js";
import { writtenBytes } from "../measure/processes.js";
import type { Entry, Store } from "../stores/store.js";
import type { Bench } from "./bench.js";
import type { Group } from "./group.js";

/** Enough time to put all records in most stores: a store that has put few of them has had little to compact. */
const secondsFactor = 3;

/** Writes to an empty store, in scattered order of keys, with the default durability. */
export const writeGroup: Group = {
  name: "write",
  workloads: ["batch-100", "batch-1000", "put-1", "put-16", "put-256"],
  async run(bench) {
    await batches(bench, 100);
    await batches(bench, 1_000);
    for (const inFlight of [1, 16, 256]) {
      await puts(bench, `put-${inFlight}`, inFlight, "background");
    }
  },
};

/** The same, each put acknowledged when it is synced. */
export const syncedWriteGroup: Group = {
  name: "synced",
  workloads: ["put-synced-1", "put-synced-16", "put-synced-256"],
  async run(bench) {
    for (const inFlight of [1, 16, 256]) {
      await puts(bench, `put-synced-${inFlight}`, inFlight, "sync");
    }
  },
};

/** Writes one batch after the other, each awaited. */
async function batches(bench: Bench, size: number): Promise<void> {
  const count = Math.floor(bench.job.records / size);
  const options = { durability: "background", warmUp: false } as const;
  await writes(bench, `batch-${size}`, options, async (store, meter, numbers, keys) => {
    await drive(meter, count, 1, size, (index) => {
      const batch: Entry[] = [];
      for (let at = index * size; at < (index + 1) * size; at++) {
        batch.push([keys[at]!, bench.records.valueOf(numbers(at), 0)]);
      }
      return store.batch(batch);
    });
    return meter.operations * size;
  });
}

/** With few puts in flight there is time for a warm-up: it takes the first records, at most half of them. */
async function puts(
  bench: Bench,
  workload: string,
  inFlight: number,
  durability: "background" | "sync",
): Promise<void> {
  let first = 0;
  const warmUp = inFlight <= 16;
  await writes(bench, workload, { durability, warmUp }, async (store, meter, numbers, keys) => {
    const start = first;
    const count = warmUp && start === 0 ? Math.floor(keys.length / 2) : keys.length - start;
    await drive(meter, count, inFlight, 1, (index) =>
      store.put(keys[start + index]!, bench.records.valueOf(numbers(start + index), 0)),
    );
    first += meter.operations;
    return first;
  });
}

/** `work` returns how many records it has put since the store was empty. */
async function writes(
  bench: Bench,
  workload: string,
  { durability, warmUp }: { durability: "background" | "sync"; warmUp: boolean },
  work: (
    store: Store,
    meter: Meter,
    numbers: (index: number) => number,
    keys: readonly string[],
  ) => Promise<number>,
): Promise<void> {
  if (!bench.wants(workload)) {
    return;
  }
  const { records, seconds } = bench.job;
  const order = scatteredOrder(records);
  const keys = Array.from({ length: records }, (_, index) => bench.records.keyOf(order(index)));
  await bench.withEmpty({ durability }, async (store, folder) => {
    const pids = [process.pid, ...(await store.processIds())];
    const before = writtenBytes(pids);
    let entries = 0;
    const measured = async (meter: Meter): Promise<Record<string, number>> => {
      entries = await work(store, meter, order, keys);
      await store.drain();
      meter.stop();
      const put = entries * userBytes(bench.records, Math.floor(records / 2));
      return {
        bytesOnDisk: bytesOnDisk(folder),
        writeAmplification: (writtenBytes(pids) - before) / put,
        ...(await store.facts?.()),
      };
    };
    await bench.measure(workload, measured, { seconds: seconds * secondsFactor, warmUp });
    await bench.checkSome(store, order, entries);
  });
}
