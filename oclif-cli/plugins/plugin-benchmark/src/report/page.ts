/** The report: one self-contained HTML page, without network access or scripts. */

import { facts, formatRate, formatUs } from "../results-table.js";
import type { BenchmarkResult, WorkloadResult } from "../runner.js";
import { latencyChart, throughputChart, timelineChart } from "./charts.js";
import { pageStyle } from "./style.js";
import { escapeMarkup } from "./svg.js";

export function renderReport(result: BenchmarkResult): string {
  const timelines = result.workloads.map(
    (workload) =>
      `<section><h3>${escapeMarkup(workload.name)}</h3><p>${escapeMarkup(workload.summary)}</p>${timelineChart(workload)}</section>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>FastKV benchmark</title>
<style>${pageStyle}</style>
</head>
<body>
<h1>FastKV benchmark</h1>
${facts(result)
  .map((line) => `<p class="facts">${escapeMarkup(line)}</p>`)
  .join("\n")}
<h2>Throughput</h2>
${throughputChart(result.workloads)}
<h2>Latency</h2>
<p>The box holds the middle half of all calls, the line all of them; marks: <span class="key mark-0">p50</span>
<span class="key mark-1">p95</span> <span class="key mark-2">p99</span> <span class="key mark-3">p99.9</span>
<span class="key mark-4">max</span>. The scale is logarithmic.</p>
${latencyChart(result.workloads)}
${resultTable(result.workloads)}
<h2>Throughput over time</h2>
<p>Below each line: <span class="key activity-flush">flushes</span> <span class="key activity-compaction">compactions</span>
<span class="key activity-stall">stalls</span> of the shards.</p>
${timelines.join("\n")}
<script type="application/json" id="results">${JSON.stringify(result).replaceAll("<", "\\u003c")}</script>
</body>
</html>
`;
}

function resultTable(workloads: readonly WorkloadResult[]): string {
  const titles = ["workload", "records/s", "time", "p50", "p95", "p99", "p99.9", "max"];
  const rows = workloads.map(({ name, recordsPerSecond, elapsedMs, latencies }) => {
    const times = latencies
      ? [latencies.p50Us, latencies.p95Us, latencies.p99Us, latencies.p999Us, latencies.maxUs].map(formatUs)
      : ["", "", "", "", ""];
    const cells = [name, formatRate(recordsPerSecond), `${(elapsedMs / 1_000).toFixed(2)} s`, ...times];
    return `<tr>${cells.map((cell) => `<td>${escapeMarkup(cell)}</td>`).join("")}</tr>`;
  });
  const head = titles.map((title) => `<th>${title}</th>`).join("");
  return `<table><thead><tr>${head}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
}
