/**
 * Whole databases with one changed file whose checksums are right again: what a bug of a writer, or somebody with the
 * folder's rights, may leave. Opened by shards in this process, read and written: answers, or errors of ours.
 */

import path from "node:path";
import { FastKVError, type FastKVErrorCode } from "../../../../shared/errors.js";
import { InProcessLauncher } from "../../../support/in-process-launcher.js";
import { MemoryMeter } from "../../../support/memory.js";
import { Random } from "../../../support/random.js";
import { openSimulated, SteppedClock, tinySettings } from "../../../support/simulated-store.js";
import type { TortureContext } from "../../group.js";
import { type Base, keyOf, makeBases } from "../bytes/base.js";
import { fileTargets } from "./file-targets.js";
import { checkPrototypes } from "./limits.js";
import { mutate } from "./mutate.js";
import type { FuzzTarget } from "./target.js";

const mostBytes = 128 * 1024 * 1024;
const patienceMs = 30_000;
const meter = new MemoryMeter();

const refusals: readonly FastKVErrorCode[] = [
  "FASTKV_CORRUPTION",
  "FASTKV_UNSUPPORTED_FORMAT",
  "FASTKV_INVALID_VALUE",
  "FASTKV_LOCKED",
];

/** Which decoder's changes fit which file. */
const kinds: readonly [pattern: RegExp, target: string][] = [
  [/\.wal$/, "wal"],
  [/\.sst$/, "table"],
  [/\.load$/, "load"],
  [/MANIFEST-/, "manifest"],
  [/CURRENT$/, "current"],
  [/batch-log-/, "batch-log"],
  [/FASTKV$/, "identity"],
];

interface Place {
  base: Base;
  file: string;
  target: FuzzTarget;
  others: Buffer[];
}

function placesIn(bases: readonly Base[]): Place[] {
  return bases.flatMap((base) =>
    base.disk.files().flatMap((file) => {
      const kind = kinds.find(([pattern]) => pattern.test(file));
      const target = fileTargets.find((one) => one.name === kind?.[1]);
      if (kind === undefined || target === undefined) {
        return [];
      }
      const others = base.disk.files().filter((one) => kind[0].test(one));
      return [{ base, file, target, others: others.map((one) => base.disk.contentOf(one)) }];
    }),
  );
}

export async function fuzzStores(context: TortureContext, untilMs: number): Promise<Record<string, number>> {
  const places = placesIn(await makeBases(context.random.fork()));
  const counts: Record<string, number> = { stores: 0 };
  while (performance.now() < untilMs && counts.stores! < context.cases) {
    const seed = context.random.next32();
    const random = new Random(seed);
    const place = random.pick(places);
    try {
      const outcome = await tryStore(place, random);
      counts.stores! += 1;
      counts[`stores ${outcome}`] = (counts[`stores ${outcome}`] ?? 0) + 1;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(`database "${place.base.name}", ${place.file} changed with seed ${seed}: ${message}`, {
        cause: error,
      });
    }
  }
  return counts;
}

async function tryStore(place: Place, random: Random): Promise<string> {
  const { base, file, target, others } = place;
  const disk = base.disk.crash(undefined, "dropAll");
  const bytes = mutate(disk.contentOf(file), others, random, (now) => target.fieldsOf?.(now) ?? []);
  target.reseal?.(bytes);
  disk.install(file, bytes);
  const clock = new SteppedClock();
  clock.nowMs = base.nowMs;
  const launcher = new InProcessLauncher(disk, { settings: tinySettings });
  meter.start();
  let errors = 0;
  const attempt = async (call: () => Promise<unknown>, more?: FastKVErrorCode): Promise<void> => {
    try {
      await withPatience(call());
    } catch (error) {
      if (!(error instanceof FastKVError) || !(refusals.includes(error.code) || error.code === more)) {
        throw new Error(`AN ERROR THAT IS NONE OF OURS: ${String((error as Error).stack ?? error)}`, {
          cause: error,
        });
      }
      errors += 1;
    }
  };
  let isOpen = false;
  await attempt(async () => {
    const { db } = await openSimulated(disk, clock, { readCacheSize: 0, scanCacheSize: 0 }, launcher);
    isOpen = true;
    const keys = Array.from({ length: 24 }, (_, index) => keyOf(index));
    // A changed key may be no UTF-8, which a scan for strings says.
    await attempt(() => db.scan().toArray(), "FASTKV_INVALID_KEY");
    await attempt(() => db.scan({ reverse: true, keyEncoding: "binary" }).toArray());
    await attempt(() => db.count());
    await attempt(() => db.getMany(keys));
    await attempt(() => db.batchPut(keys.map((key) => [key, "again"])));
    if (random.chance(0.3)) {
      // No damage leaves keys out of order under right checksums; the table writer's assertion meets them here.
      await attempt(() => db.compact(), "FASTKV_INTERNAL");
    }
    await attempt(() => db.close());
  });
  await launcher.close();
  checkPrototypes();
  const { tookBytes } = meter;
  if (tookBytes > mostBytes) {
    throw new Error(`TOO MUCH MEMORY: ${tookBytes} bytes for ${path.basename(file)} of ${bytes.length}`);
  }
  return isOpen ? (errors > 0 ? "read in part" : "read") : "refused";
}

async function withPatience<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`It hangs: no end after ${patienceMs} ms`)), patienceMs);
  });
  return Promise.race([work, limit]).finally(() => clearTimeout(timer));
}
