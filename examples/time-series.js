/**
 * A time-series log: measurements of sensors, read by ranges of time.
 *
 *   <sensor>/<time>   a measurement; ISO times sort as text in the order of time
 *
 * Old measurements leave in two ways: each has a time to live, and `clear` drops a range at once.
 *
 * Usage: node examples/time-series.js [folder]
 */

import { FastKV } from "fastkv";

/** @typedef {{ celsius: number }} Measurement */

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const keptMs = 365 * dayMs;
const start = Date.parse("2026-01-01T00:00:00.000Z");
const sensors = ["cellar", "kitchen", "roof"];

const keyOf = (/** @type {string} */ sensor, /** @type {number} */ timeMs) =>
  `${sensor}/${new Date(timeMs).toISOString()}`;

/** One day, minute by minute: coldest at midnight, warmest at noon. */
function* measurements() {
  for (const [index, sensor] of sensors.entries()) {
    for (let timeMs = start; timeMs < start + dayMs; timeMs += minuteMs) {
      const celsius = 10 * index - 5 * Math.cos(((timeMs - start) / dayMs) * 2 * Math.PI);
      yield { key: keyOf(sensor, timeMs), value: { celsius }, ttl: keptMs };
    }
  }
}

/** All of a sensor's measurements from one time up to, not including, another. */
function between(/** @type {string} */ sensor, /** @type {number} */ fromMs, /** @type {number} */ toMs) {
  return db.values({ gte: keyOf(sensor, fromMs), lt: keyOf(sensor, toMs) });
}

/** The last measurement, read from the end of the sensor's keys. */
async function latest(/** @type {string} */ sensor) {
  const [entry] = await db.scan({ prefix: `${sensor}/`, reverse: true, limit: 1 }).toArray();
  return entry;
}

const db = /** @type {FastKV<Measurement>} */ (
  await FastKV.open(process.argv[2] ?? "./time-series-database")
);

// A whole day at once goes past the log, straight into tables; what arrives later is put one by one.
const { keys } = await db.bulkLoad(measurements());
console.log(`loaded ${keys} measurements`);
await db.put(keyOf("roof", start + dayMs), { celsius: 14.5 }, { ttl: keptMs });

const noon = await between("kitchen", start + 12 * 60 * minuteMs, start + 13 * 60 * minuteMs).toArray();
const mean = noon.reduce((sum, { celsius }) => sum + celsius, 0) / noon.length;
console.log(`kitchen at noon: ${noon.length} measurements, mean ${mean.toFixed(2)}`);

// A stream: only a page of it is in memory at any time.
let warmest = Number.NEGATIVE_INFINITY;
for await (const { celsius } of between("cellar", start, start + dayMs)) {
  warmest = Math.max(warmest, celsius);
}
console.log(`cellar at its warmest: ${warmest.toFixed(2)}`);

for (const sensor of sensors) {
  const entry = await latest(sensor);
  console.log(`latest ${entry?.[0]}: ${entry?.[1].celsius.toFixed(2)}`);
}

// Counting happens in the shards; no values travel.
await db.clear({ gte: keyOf("cellar", start), lt: keyOf("cellar", start + 12 * 60 * minuteMs) });
console.log(`cellar after the clean-up: ${await db.count({ prefix: "cellar/" })}`);
await db.close();
