import { missingKey } from "../data/records.js";
import { uniformNumbers, zipfianNumbers } from "../data/sequences.js";
import { drive } from "../measure/drive.js";
import type { Meter } from "../measure/meter.js";
import type { Store } from "../stores/store.js";
import type { Bench } from "./bench.js";
import type { Group } from "./group.js";

const inFlights = [1, 16, 256];
const manyKeys = 100;
const scanSizes = [10, 100, 10_000];
const cachedScanSizes = [10, 100];
/** The keys of a workload are created before the measurement; a longer run uses them again. */
const maxPlanned = 200_000;

/** Reads from the loaded store, with the caches of values off. */
export const readGroup: Group = {
  name: "read",
  workloads: [
    ...inFlights.map((inFlight) => `get-${inFlight}`),
    ...inFlights.map((inFlight) => `get-missing-${inFlight}`),
    `get-many-${manyKeys}`,
    "scan-full",
    ...scanSizes.map((size) => `scan-${size}`),
  ],
  prepared: "records",
  async run(bench) {
    await bench.withPrepared({}, async (store) => {
      for (const inFlight of inFlights) {
        const numbers = uniformNumbers(bench.job.seed, bench.job.records);
        await gets(bench, store, `get-${inFlight}`, inFlight, numbers);
      }
      for (const inFlight of inFlights) {
        await missing(bench, store, inFlight);
      }
      await many(bench, store, `get-many-${manyKeys}`);
      await fullScan(bench, store);
      for (const size of scanSizes) {
        await prefixScans(bench, store, `scan-${size}`, size);
      }
    });
  },
};

/** Reads from the loaded store, with the caches of values on. */
export const cachedReadGroup: Group = {
  name: "cached",
  workloads: [
    ...inFlights.map((inFlight) => `get-zipfian-${inFlight}`),
    `get-many-${manyKeys}-cached`,
    ...cachedScanSizes.map((size) => `scan-${size}-cached`),
  ],
  prepared: "records",
  async run(bench) {
    await bench.withPrepared({ readCache: true }, async (store) => {
      if (bench.peer.holdsAll === true) {
        await readAll(bench, store);
      }
      await bench.fillCaches(store, zipfianNumbers(bench.job.seed + 8, bench.job.records));
      for (const inFlight of inFlights) {
        const numbers = zipfianNumbers(bench.job.seed, bench.job.records);
        await gets(bench, store, `get-zipfian-${inFlight}`, inFlight, numbers);
      }
      if (bench.wants(`get-many-${manyKeys}-cached`)) {
        let number = 0;
        await bench.fillCaches(store, () => number++);
        await many(bench, store, `get-many-${manyKeys}-cached`);
      }
      for (const size of cachedScanSizes) {
        await prefixScans(bench, store, `scan-${size}-cached`, size);
      }
    });
  },
};

/** Gets and scans each record once, so that caches that are large enough have all of them. */
async function readAll(bench: Bench, store: Store): Promise<void> {
  const { records } = bench.job;
  const { keyOf } = bench.records;
  for (let from = 0; from < records; from += manyKeys) {
    const keys = Array.from({ length: manyKeys }, (_, at) => keyOf(from + at));
    const values = await store.getMany(keys);
    values.forEach((value, at) => {
      bench.check(from + at, value);
    });
    await store.collect?.({ prefix: keys[0]!.slice(0, -2) });
  }
}

interface Planned {
  numbers: number[];
  keys: string[];
}

function plan(bench: Bench, next: () => number, keyOf = bench.records.keyOf): Planned {
  const numbers = Array.from({ length: Math.min(maxPlanned, bench.job.records) }, next);
  return { numbers, keys: numbers.map(keyOf) };
}

async function gets(
  bench: Bench,
  store: Store,
  workload: string,
  inFlight: number,
  next: () => number,
): Promise<void> {
  if (!bench.wants(workload)) {
    return;
  }
  const { numbers, keys } = plan(bench, next);
  const work = async (meter: Meter): Promise<Record<string, number> | undefined> => {
    const before = await store.facts?.();
    await drive(meter, Number.POSITIVE_INFINITY, inFlight, 1, async (index) => {
      const at = index % keys.length;
      bench.check(numbers[at]!, await store.get(keys[at]!));
    });
    meter.stop();
    return readFigures(before, await store.facts?.(), meter.operations);
  };
  await bench.measure(workload, work, { warmUp: true });
}

/** What FastKV reports about a workload that reads. */
function readFigures(
  before: Record<string, number> | undefined,
  after: Record<string, number> | undefined,
  calls: number,
): Record<string, number> | undefined {
  return before === undefined || after === undefined
    ? undefined
    : { blocksPerCall: (after.blockReads! - before.blockReads!) / calls };
}

async function missing(bench: Bench, store: Store, inFlight: number): Promise<void> {
  const workload = `get-missing-${inFlight}`;
  if (!bench.wants(workload)) {
    return;
  }
  const { keys } = plan(bench, uniformNumbers(bench.job.seed + 1, bench.job.records), missingKey);
  const work = (meter: Meter): Promise<void> =>
    drive(meter, Number.POSITIVE_INFINITY, inFlight, 1, async (index) => {
      const key = keys[index % keys.length]!;
      const value = await store.get(key);
      if (value !== undefined) {
        throw new Error(`${key} was never put and came back as ${JSON.stringify(value)}`);
      }
    });
  await bench.measure(workload, work, { warmUp: true });
}

async function many(bench: Bench, store: Store, workload: string): Promise<void> {
  if (!bench.wants(workload)) {
    return;
  }
  const { numbers, keys } = plan(bench, uniformNumbers(bench.job.seed + 2, bench.job.records));
  const groups = Math.floor(keys.length / manyKeys);
  const work = (meter: Meter): Promise<void> =>
    drive(meter, Number.POSITIVE_INFINITY, 1, manyKeys, async (index) => {
      const from = (index % groups) * manyKeys;
      const values = await store.getMany(keys.slice(from, from + manyKeys));
      if (values.length !== manyKeys) {
        throw new Error(`getMany of ${manyKeys} keys gave ${values.length} values`);
      }
      for (let at = 0; at < manyKeys; at++) {
        bench.check(numbers[from + at]!, values[at]);
      }
    });
  await bench.measure(workload, work, { warmUp: true });
}

/** Scans the whole store in order, again and again until the time is over. */
async function fullScan(bench: Bench, store: Store): Promise<void> {
  if (store.walk === undefined) {
    return;
  }
  const walk = async (meter: Meter): Promise<void> => {
    do {
      const startedMs = performance.now();
      let number = 0;
      let last = "";
      await store.walk!((key, value) => {
        if (key <= last) {
          throw new Error(`${key} came behind ${last}`);
        }
        last = key;
        bench.check(number++, value);
      });
      if (number !== bench.job.records) {
        throw new Error(`the scan gave ${number} of ${bench.job.records} records`);
      }
      meter.done(startedMs, number);
    } while (!meter.isOver);
  };
  await bench.measure("scan-full", walk, { warmUp: true });
}

/** Scans one prefix after the other; each scan returns an array. */
async function prefixScans(bench: Bench, store: Store, workload: string, size: number): Promise<void> {
  if (store.collect === undefined || bench.job.records < size) {
    return;
  }
  const digits = String(size).length - 1;
  const next = uniformNumbers(bench.job.seed + size, Math.floor(bench.job.records / size));
  const starts = Array.from({ length: Math.min(maxPlanned / 10, bench.job.records) }, () => next() * size);
  const prefixes = starts.map((start) => bench.records.keyOf(start).slice(0, -digits));
  const work = (meter: Meter): Promise<void> =>
    drive(meter, Number.POSITIVE_INFINITY, 1, size, async (index) => {
      const at = index % starts.length;
      let number = starts[at]!;
      for (const [key, value] of await store.collect!({ prefix: prefixes[at]! })) {
        if (!key.startsWith(prefixes[at]!)) {
          throw new Error(`${key} came in a scan of ${prefixes[at]}`);
        }
        bench.check(number++, value);
      }
      if (number !== starts[at]! + size) {
        throw new Error(`the scan of ${prefixes[at]} gave ${number - starts[at]!} records`);
      }
    });
  await bench.measure(workload, work, { warmUp: true });
}
