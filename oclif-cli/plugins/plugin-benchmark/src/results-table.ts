/** The results as a table, and the facts about the machine above it. */

import { renderTable } from "fastkv-cli/kit/table";
import type { BenchmarkResult, WorkloadResult } from "./runner.js";

export async function resultsTable(result: BenchmarkResult): Promise<string> {
  const table = await renderTable(
    [
      { title: "workload" },
      { title: "records/s", align: "right" },
      { title: "time", align: "right" },
      { title: "p50", align: "right" },
      { title: "p95", align: "right" },
      { title: "p99", align: "right" },
      { title: "p99.9", align: "right" },
      { title: "max", align: "right" },
    ],
    result.workloads.map(row),
  );
  return `${facts(result).join("\n")}\n\n${table}`;
}

export function facts({ machine, settings, startedAt }: BenchmarkResult): string[] {
  return [
    `FastKV ${machine.fastkv}, Node ${machine.node}, ${machine.system}, ${startedAt}`,
    `${machine.cpu}, ${machine.cores} cores, ${gigabytes(machine.memoryBytes)} GiB memory, ` +
      `${gigabytes(machine.freeDiskBytes)} GiB of disk free`,
    `${settings.records.toLocaleString("en")} records, values of ${settings.valueSizeBytes} bytes, ` +
      `${settings.inFlight} calls in flight, ${settings.shards} shards, durability ${settings.durability}`,
  ];
}

function row({ name, recordsPerSecond, elapsedMs, latencies }: WorkloadResult): string[] {
  const times = latencies
    ? [latencies.p50Us, latencies.p95Us, latencies.p99Us, latencies.p999Us, latencies.maxUs].map(formatUs)
    : ["", "", "", "", ""];
  return [name, formatRate(recordsPerSecond), `${(elapsedMs / 1_000).toFixed(2)} s`, ...times];
}

export function formatRate(perSecond: number): string {
  return Math.round(perSecond).toLocaleString("en");
}

/** Three digits and a unit: `12.3 us`, `4.56 ms`, `1.20 s`. */
export function formatUs(us: number): string {
  if (us < 1_000) {
    return `${us.toPrecision(3)} us`;
  }
  return us < 1_000_000 ? `${(us / 1_000).toPrecision(3)} ms` : `${(us / 1_000_000).toPrecision(3)} s`;
}

function gigabytes(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(1);
}
