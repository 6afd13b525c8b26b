import { Meter } from "../measure/meter.js";
import type { Bench } from "./bench.js";
import type { Group } from "./group.js";
import { Overwrites } from "./overwrites.js";

const mixes = { readWhileWriting: { puts: 16, gets: 64 }, pauses: { puts: 256, gets: 16 } } as const;

/** Gets during puts, both over all keys. */
export const mixedGroup: Group = {
  name: "mixed",
  workloads: ["read-while-writing-get", "read-while-writing-put"],
  prepared: "records",
  run: (bench) =>
    together(bench, "read-while-writing", mixes.readWhileWriting, bench.job.seconds, bench.warmUpMs),
};

/** Puts at full speed for minutes, with gets at the same time: how long is the longest wait? */
export const pausesGroup: Group = {
  name: "pauses",
  workloads: ["pauses-put", "pauses-get"],
  onlyOnRequest: true,
  prepared: "records",
  run: (bench) => together(bench, "pauses", mixes.pauses, bench.job.pausesSeconds, 0),
};

async function together(
  bench: Bench,
  name: string,
  inFlight: { puts: number; gets: number },
  seconds: number,
  warmUpMs: number,
): Promise<void> {
  await bench.withCopy({}, async (store) => {
    const overwrites = new Overwrites(bench, store);
    if (warmUpMs > 0) {
      await overwrites.run(new Meter(warmUpMs), inFlight.puts, new Meter(warmUpMs), inFlight.gets);
    }
    bench.begin(name);
    const putMeter = new Meter(seconds * 1_000);
    const getMeter = new Meter(seconds * 1_000);
    await overwrites.run(putMeter, inFlight.puts, getMeter, inFlight.gets);
    const figures = (await store.facts?.()) ?? {};
    bench.report(`${name}-put`, putMeter.finish(), figures);
    bench.report(`${name}-get`, getMeter.finish(), figures);
  });
}
