import { cp } from "node:fs/promises";
import path from "node:path";
import { scatteredOrder } from "../data/sequences.js";
import { drive } from "../measure/drive.js";
import { Meter } from "../measure/meter.js";
import type { Bench } from "./bench.js";
import type { Group } from "./group.js";

const openings = 5;
const putsBeforeTheKill = 20_000;
const inFlight = 256;

/** Measures from the call of open until the first record is read. */
export const openGroup: Group = {
  name: "open",
  workloads: ["open"],
  prepared: "records",
  async run(bench) {
    await open(bench, bench.job.preparedFolder, 0);
    await measureOpenings(bench, "open", bench.job.preparedFolder, openings);
  },
};

/** The same after a kill -9 of all processes of the store, with 20,000 acknowledged puts after the load. */
export const reopenGroup: Group = {
  name: "reopen",
  workloads: ["reopen-killed"],
  prepared: "records",
  async before(bench) {
    const folder = killedFolder(bench);
    await cp(bench.job.preparedFolder, folder, { recursive: true });
    const store = await bench.open(folder, {});
    const { records } = bench;
    const order = scatteredOrder(bench.job.records);
    await drive(new Meter(Number.POSITIVE_INFINITY), putsOf(bench), inFlight, 1, (index) =>
      store.put(records.keyOf(order(index)), records.valueOf(order(index), 1)),
    );
    for (const pid of await store.processIds()) {
      process.kill(pid, "SIGKILL");
    }
    process.kill(process.pid, "SIGKILL");
  },
  async run(bench) {
    await measureOpenings(bench, "reopen-killed", killedFolder(bench), 1);
    const order = scatteredOrder(bench.job.records);
    await bench.withStore(killedFolder(bench), {}, async (store) => {
      for (let index = 0; index < putsOf(bench); index++) {
        const key = bench.records.keyOf(order(index));
        if (bench.check(order(index), await store.get(key)) !== 1) {
          throw new Error(`${key} was put and acknowledged, and has its old value after a kill`);
        }
      }
    });
  },
};

function killedFolder(bench: Bench): string {
  return path.join(bench.job.folder, "killed");
}

function putsOf(bench: Bench): number {
  return Math.min(putsBeforeTheKill, bench.job.records);
}

/** @returns milliseconds from the call of open until the first record was read. */
async function open(bench: Bench, folder: string, number: number): Promise<number> {
  const startedMs = performance.now();
  let openedMs = 0;
  await bench.withStore(folder, {}, async (store) => {
    bench.check(number, await store.get(bench.records.keyOf(number)));
    openedMs = performance.now() - startedMs;
  });
  return openedMs;
}

/** The rate is openings per second spent in opening; closing is not included. */
async function measureOpenings(bench: Bench, workload: string, folder: string, count: number): Promise<void> {
  if (!bench.wants(workload)) {
    return;
  }
  bench.begin(workload);
  const meter = new Meter(Number.POSITIVE_INFINITY);
  let elapsedMs = 0;
  for (let opening = 0; opening < count; opening++) {
    const openedMs = await open(bench, folder, opening);
    meter.done(performance.now() - openedMs, 1);
    elapsedMs += openedMs;
  }
  bench.report(workload, { ...meter.finish(), elapsedMs, entriesPerSecond: (count / elapsedMs) * 1_000 }, {});
}
