/**
 * Shows that the store keeps its size and speed at scale: puts records, compacts, bulk loads more, reads them back,
 * reopens, and prints resident memory, event-loop delays and blocks read per scan next to the timings.
 *
 * Usage: node dist/benchmarks/scale.js [records = 5000000] [folder = a temporary one]
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { FastKV } from "../coordinator/index.js";

interface Record130 {
  id: number;
  name: string;
  email: string;
  active: boolean;
  age: number;
  city: string;
  score: number;
}

const records = Number(process.argv[2] ?? 5_000_000);
const given = process.argv[3];
const folder = given ?? mkdtempSync(path.join(tmpdir(), "fastkv-scale-"));
const inFlight = 256;
/** A prime: visits all numbers below any count that is no multiple of it, in scattered order. */
const stride = 15_485_863;

const peak = { coordinator: 0, shard: 0 };

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function keyOf(n: number): string {
  return `record:${String(n).padStart(10, "0")}`;
}

function recordOf(n: number): Record130 {
  const name = `name-${n % 100_000}`;
  return {
    id: n,
    name,
    email: `${name}@example.com`,
    active: n % 3 === 0,
    age: n % 90,
    city: "Reykjavik",
    score: n / 7,
  };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
}

/** Resident memory of a process according to the system; 0 if it is not available. */
function residentBytes(pid: number): number {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
    return pages * 4096;
  } catch {
    return 0;
  }
}

function watchMemory(pids: readonly number[]): () => void {
  const timer = setInterval(() => {
    peak.coordinator = Math.max(peak.coordinator, residentBytes(process.pid));
    for (const pid of pids) {
      peak.shard = Math.max(peak.shard, residentBytes(pid));
    }
  }, 100);
  return () => clearInterval(timer);
}

async function timed(label: string, count: number, work: () => Promise<void>): Promise<void> {
  const start = performance.now();
  await work();
  const ms = performance.now() - start;
  print(
    `${label.padEnd(44)} ${(ms / 1000).toFixed(2).padStart(8)} s  ${Math.round((count / ms) * 1000)
      .toLocaleString("en")
      .padStart(10)} /s`,
  );
}

async function inParallel(count: number, call: (n: number) => Promise<unknown>): Promise<void> {
  let pending: Promise<unknown>[] = [];
  for (let n = 0; n < count; n++) {
    pending.push(call(n));
    if (pending.length === inFlight) {
      await Promise.all(pending);
      pending = [];
    }
  }
  await Promise.all(pending);
}

function* entries(count: number): Generator<[string, Record130]> {
  for (let n = 0; n < count; n++) {
    const scattered = (n * stride) % count;
    yield [`loaded:${String(scattered).padStart(10, "0")}`, recordOf(scattered)];
  }
}

async function checkedGet(db: FastKV<Record130>, n: number): Promise<void> {
  const found = await db.get(keyOf(n));
  if (found?.id !== n) {
    throw new Error(`${keyOf(n)} came back as ${JSON.stringify(found)}`);
  }
}

async function blocksPerScan(db: FastKV<Record130>, limit: number, scans: number): Promise<number> {
  const before = (await db.stats()).shards.reduce(
    (sum, shard) => sum + shard.block_reads + shard.block_cache.hits,
    0,
  );
  for (let scan = 0; scan < scans; scan++) {
    await db.scan({ gte: keyOf((scan * stride) % records), limit }).toArray();
  }
  const after = (await db.stats()).shards.reduce(
    (sum, shard) => sum + shard.block_reads + shard.block_cache.hits,
    0,
  );
  return (after - before) / scans;
}

async function report(db: FastKV<Record130>, when: string): Promise<void> {
  const stats = await db.stats();
  const levels = Object.entries(stats.sstable_stats)
    .filter(([, level]) => level.files > 0)
    .map(([name, level]) => `${name}: ${level.files} files, ${megabytes(level.bytes)}`);
  print(`-- ${when}: ${levels.join("; ")}; write amplification ${stats.write_amplification.toFixed(2)}`);
  for (const shard of stats.shards) {
    const { p99, p999, max } = shard.event_loop_delay_ms;
    print(
      `   shard ${shard.shard}: event loop p99 ${p99.toFixed(1)} p99.9 ${p999.toFixed(1)} max ${max.toFixed(1)} ms, slowed ${(shard.stall.slow_ms / 1000).toFixed(1)} s, stopped ${(shard.stall.stop_ms / 1000).toFixed(1)} s`,
    );
  }
  print(`   peak resident: coordinator ${megabytes(peak.coordinator)}, a shard ${megabytes(peak.shard)}`);
}

async function main(): Promise<void> {
  let db = await FastKV.open<Record130>(folder);
  const stopWatching = watchMemory((await db.stats()).shards.map((shard) => shard.pid));
  const order = (n: number): number => (n * stride) % records;
  await timed(`put ${records} records, scattered keys`, records, () =>
    inParallel(records, (n) => db.put(keyOf(order(n)), recordOf(order(n)))),
  );
  await report(db, "after the load");
  await timed("compact", records, () => db.compact());
  await report(db, "after compaction");
  const loaded = Math.ceil(records / 5);
  await timed(`bulk load ${loaded} records more`, loaded, async () => {
    await db.bulkLoad(entries(loaded));
  });
  await report(db, "after the bulk load");
  const reads = Math.min(records, 500_000);
  await timed(`get ${reads} records, scattered, checked`, reads, () =>
    inParallel(reads, (n) => checkedGet(db, order(n * 3 + 1))),
  );
  await timed("full scan", records, async () => {
    let seen = 0;
    for await (const _ of db.scan("record:")) {
      seen += 1;
    }
    if (seen !== records) {
      throw new Error(`the scan saw ${seen} of ${records}`);
    }
  });
  const scans = 2000;
  await timed(`${scans} prefix scans of 100`, scans, async () => {
    for (let scan = 0; scan < scans; scan++) {
      const prefix = keyOf(order(scan)).slice(0, -2);
      const found = await db.scan(prefix).toArray();
      if (found.length !== 100 && records % 100 === 0) {
        throw new Error(`${prefix} has ${found.length}`);
      }
    }
  });
  print(
    `blocks per scan: limit 1 ${(await blocksPerScan(db, 1, 500)).toFixed(2)}, limit 100 ${(await blocksPerScan(db, 100, 500)).toFixed(2)} (both shards together)`,
  );
  await report(db, "after the reads");
  stopWatching();
  await timed("close", 1, () => db.close());
  await timed("reopen after a clean close", 1, async () => {
    db = await FastKV.open<Record130>(folder);
  });
  await checkedGet(db, 0);
  await db.close();
}

try {
  await main();
} finally {
  if (given === undefined) {
    rmSync(folder, { recursive: true, force: true });
  }
}
