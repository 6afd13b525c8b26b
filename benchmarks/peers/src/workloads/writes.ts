import { userBytes } from "../data/records.js";
import { scatteredOrder } from "../data/sequences.js";
import { bytesOnDisk } from "../measure/disk.js";
import { drive } from "../measure/drive.js";
import type { Meter } from "../measure/meter.js";
import { writtenBytes } from "../measure/processes.js";
import type { Entry, Store } from "../stores/store.js";
import type { Bench } from "./bench.js";
import type { Group } from "./group.js";

/** Time enough to put all records, in most stores: a store that has put few of them has had little to compact. */
const secondsFactor = 3;

/** Into an empty store, in no order of keys, with the default durability. */
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

/** One batch after the other, each awaited. */
async function batches(bench: Bench, size: number): Promise<void> {
  const count = Math.floor(bench.job.records / size);
  await writes(bench, `batch-${size}`, size, "background", async (store, meter, numbers, keys) => {
    await drive(meter, count, 1, size, (index) => {
      const batch: Entry[] = [];
      for (let at = index * size; at < (index + 1) * size; at++) {
        batch.push([keys[at]!, bench.records.valueOf(numbers(at), 0)]);
      }
      return store.batch(batch);
    });
  });
}

async function puts(
  bench: Bench,
  workload: string,
  inFlight: number,
  durability: "background" | "sync",
): Promise<void> {
  await writes(bench, workload, 1, durability, async (store, meter, numbers, keys) => {
    await drive(meter, keys.length, inFlight, 1, (index) =>
      store.put(keys[index]!, bench.records.valueOf(numbers(index), 0)),
    );
  });
}

async function writes(
  bench: Bench,
  workload: string,
  entriesPerCall: number,
  durability: "background" | "sync",
  work: (
    store: Store,
    meter: Meter,
    numbers: (index: number) => number,
    keys: readonly string[],
  ) => Promise<void>,
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
    let calls = 0;
    const measured = async (meter: Meter): Promise<Record<string, number>> => {
      await work(store, meter, order, keys);
      await store.drain();
      meter.stop();
      calls = meter.operations;
      const put = calls * entriesPerCall * userBytes(bench.records, Math.floor(records / 2));
      return {
        bytesOnDisk: bytesOnDisk(folder),
        writeAmplification: (writtenBytes(pids) - before) / put,
        ...(await store.facts?.()),
      };
    };
    await bench.measure(workload, measured, { seconds: seconds * secondsFactor });
    await bench.checkSome(store, order, calls * entriesPerCall);
  });
}
