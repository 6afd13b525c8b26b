/** The workloads. One operation is one call; a call that touches several records counts them in the throughput. */

import { performance } from "node:perf_hooks";
import { keyOf, missingKeyOf } from "./data.js";
import { drive } from "./measure.js";
import { Random, scattered, zipfian } from "./random.js";
import type { Context, Settings, Workload } from "./workload.js";

const batchSize = 100;
const getManySize = 100;
const scanGroupSize = 1_000;
const prefixDigits = 10;
const prefixSize = 100;

const fillseq: Workload = {
  name: "fillseq",
  summary: "put, keys in order, into an empty database",
  database: "empty",
  total: allRecords,
  run: (context) => puts(context, (index) => index),
};

const fillrandom: Workload = {
  name: "fillrandom",
  summary: "put, keys in no order, into an empty database",
  database: "empty",
  total: allRecords,
  run: (context) => puts(context, scattered(context.records)),
};

const overwrite: Workload = {
  name: "overwrite",
  summary: "put over keys that are there, in no order",
  database: "loaded",
  total: allRecords,
  run: (context) => puts(context, scattered(context.records)),
};

async function puts(
  { db, meter, records, inFlight, signal, value }: Context,
  order: (index: number) => number,
) {
  await drive(records, inFlight, signal, async (index) => {
    const number = order(index);
    const startedMs = performance.now();
    await db.put(keyOf(number), value(number));
    meter.done(startedMs);
  });
}

const batch: Workload = {
  name: "batch",
  summary: `atomic batches of ${batchSize}, keys in no order, one after the other`,
  database: "empty",
  total: allRecords,
  run(context) {
    const { db, value } = context;
    const order = scattered(context.records);
    return inTurn(context, batchSize, (first, size) => {
      const entries = Array.from({ length: size }, (_, index): [string, string] => {
        const number = order(first + index);
        return [keyOf(number), value(number)];
      });
      return async () => {
        await db.batchPut(entries);
        return size;
      };
    });
  },
};

const bulkload: Workload = {
  name: "bulkload",
  summary: "bulkLoad, keys in no order, until all is in tables",
  database: "empty",
  total: allRecords,
  async run({ db, meter, records, signal, value }) {
    const order = scattered(records);
    function* entries(): Generator<[string, string]> {
      for (let index = 0; index < records; index++) {
        const number = order(index);
        yield [keyOf(number), value(number)];
        meter.count(0, 1);
      }
    }
    const startedMs = performance.now();
    await db.bulkLoad(entries(), { signal });
    meter.done(startedMs, 0);
  },
};

const readrandom: Workload = {
  name: "readrandom",
  summary: "get, every key as likely",
  database: "loaded",
  total: allRecords,
  run: (context) => gets(context, draw(context), keyOf),
};

const readhot: Workload = {
  name: "readhot",
  summary: "get, few keys most of the time (zipfian, theta 0.99)",
  database: "loaded",
  total: allRecords,
  run: (context) => {
    const rank = zipfian(new Random(context.seed), context.records);
    const place = scattered(context.records);
    return gets(context, () => place(rank()), keyOf);
  },
};

const readmissing: Workload = {
  name: "readmissing",
  summary: "get of keys that are not there",
  database: "loaded",
  total: allRecords,
  run: (context) => gets(context, draw(context), missingKeyOf),
};

async function gets(
  { db, meter, records, inFlight, signal }: Context,
  next: () => number,
  toKey: (number: number) => string,
): Promise<void> {
  await drive(records, inFlight, signal, async () => {
    const key = toKey(next());
    const startedMs = performance.now();
    await db.get(key);
    meter.done(startedMs);
  });
}

const getmany: Workload = {
  name: "getmany",
  summary: `getMany of ${getManySize} keys, one call after the other`,
  database: "loaded",
  total: allRecords,
  run(context) {
    const next = draw(context);
    return inTurn(context, getManySize, (_, size) => {
      const keys = Array.from({ length: size }, () => keyOf(next()));
      return async () => (await context.db.getMany(keys)).length;
    });
  },
};

const scan: Workload = {
  name: "scan",
  summary: "one scan over everything; latencies are those of 1,000 entries at a time",
  database: "loaded",
  total: allRecords,
  async run({ db, meter, signal }) {
    let startedMs = performance.now();
    let group = 0;
    for await (const _ of db.scan({ signal })) {
      if (++group === scanGroupSize) {
        meter.done(startedMs, group);
        startedMs = performance.now();
        group = 0;
      }
    }
    if (group > 0) {
      meter.done(startedMs, group);
    }
  },
};

const prefixscan: Workload = {
  name: "prefixscan",
  summary: `scans of the ${prefixSize} keys of a prefix, one after the other`,
  database: "loaded",
  total: allRecords,
  run(context) {
    const random = new Random(context.seed);
    const groups = Math.ceil(context.records / prefixSize);
    return inTurn(context, prefixSize, () => {
      const prefix = keyOf(random.below(groups) * prefixSize).slice(0, "key:".length + prefixDigits);
      return async () => (await context.db.scan({ prefix }).toArray()).length;
    });
  },
};

/**
 * Makes one call after the other, each for a group of `size` records (the last group may be smaller). `prepare` creates
 * what a call needs before its time is measured; the call returns the number of records that it touched.
 */
async function inTurn(
  { meter, records, signal }: Context,
  size: number,
  prepare: (first: number, size: number) => () => Promise<number>,
): Promise<void> {
  for (let first = 0; first < records; first += size) {
    signal.throwIfAborted();
    const call = prepare(first, Math.min(size, records - first));
    const startedMs = performance.now();
    meter.done(startedMs, await call());
  }
}

const readwhilewriting: Workload = {
  name: "readwhilewriting",
  summary: "get, every key as likely, while another loop puts; the gets are measured",
  database: "loaded",
  total: allRecords,
  async run(context) {
    const { db, signal, value } = context;
    const random = new Random(context.seed + 1);
    let reading = true;
    const writing = (async () => {
      while (reading && !signal.aborted) {
        const number = random.below(context.records);
        await db.put(keyOf(number), value(number + 1));
      }
    })();
    try {
      await gets(context, draw(context), keyOf);
    } finally {
      reading = false;
      await writing;
    }
  },
};

const mixed: Workload = {
  name: "mixed",
  summary: "70% get, 20% put, 5% delete, 5% scan of 10 keys",
  database: "loaded",
  total: allRecords,
  async run(context) {
    const { db, meter, records, inFlight, signal, value } = context;
    const random = new Random(context.seed);
    await drive(records, inFlight, signal, async () => {
      const number = random.below(records);
      const choice = random.below(100);
      const startedMs = performance.now();
      if (choice < 70) {
        await db.get(keyOf(number));
      } else if (choice < 90) {
        await db.put(keyOf(number), value(number));
      } else if (choice < 95) {
        await db.delete(keyOf(number));
      } else {
        await db.scan({ gte: keyOf(number), limit: 10 }).toArray();
      }
      meter.done(startedMs);
    });
  },
};

function allRecords(settings: Settings): number {
  return settings.records;
}

function draw({ seed, records }: Context): () => number {
  const random = new Random(seed);
  return () => random.below(records);
}

/** Workloads that change the shared database come last, so that each run reads the same data. */
export const workloads: readonly Workload[] = [
  fillseq,
  fillrandom,
  batch,
  bulkload,
  readrandom,
  readhot,
  readmissing,
  getmany,
  scan,
  prefixscan,
  overwrite,
  readwhilewriting,
  mixed,
];
