/** The results as one self-contained HTML page, without network access or scripts. */

import { pageStyle } from "fastkv-plugin-benchmark/report/style";
import { escapeMarkup } from "fastkv-plugin-benchmark/report/svg";
import { ratesChart, timelineChart } from "./charts.js";
import { describeMachine, describeSettings, formatMib, formatMs, formatRate, formatRatio } from "./format.js";
import type { Summary } from "./summary.js";
import { targets } from "./targets.js";
import { peerLines } from "./text.js";

const colours = ["#2f6fde", "#d0702f", "#2a9d74", "#8a4fc4", "#b0344f", "#7a7f1c", "#1c8fa8", "#8c6d5a"];

/** Workloads that run long enough to show flushes and compactions as dents. */
const overTime = ["bulk-random", "batch-1000", "put-256", "pauses-put", "pauses-get"];

export function renderPage(summary: Summary): string {
  const facts = [describeMachine(), describeSettings(summary.run.settings), ...peerLines(summary)];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>FastKV beside other stores</title>
<style>${pageStyle}${peerStyle()}</style>
</head>
<body>
<h1>FastKV beside other stores</h1>
${facts.map((fact) => `<p class="facts">${escapeMarkup(fact)}</p>`).join("\n")}
${targetSection(summary)}
<h2>Throughput</h2>
${summary.workloads.map((workload) => workloadSection(summary, workload)).join("\n")}
<h2>Over time</h2>
<p>${summary.peers.map((peer, place) => `<span class="key key-${place}">${escapeMarkup(peer)}</span>`).join(" ")}</p>
${summary.workloads
  .filter((workload) => overTime.includes(workload))
  .map((workload) => `<h3>${workload}</h3>${timelineChart(summary, workload)}`)
  .join("\n")}
<script type="application/json" id="results">${JSON.stringify(summary.run).replaceAll("<", "\\u003c")}</script>
</body>
</html>
`;
}

function peerStyle(): string {
  return colours
    .map(
      (colour, place) =>
        `.fill-${place} { fill: ${colour}; } .stroke-${place} { stroke: ${colour}; stroke-width: 1.5; } .key-${place} { border-color: ${colour}; }`,
    )
    .join("\n");
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: string, row: readonly string[]): string =>
    row.map((cell) => `<${tag}>${escapeMarkup(cell)}</${tag}>`).join("");
  const body = rows.map((row) => `<tr>${cells("td", row)}</tr>`).join("");
  return `<table><thead><tr>${cells("th", titles)}</tr></thead><tbody>${body}</tbody></table>`;
}

function targetSection(summary: Summary): string {
  const { subject } = summary;
  if (subject === undefined) {
    return "";
  }
  const rows = targets
    .filter((target) => summary.rate(subject, target.workload) !== undefined)
    .map((target) => {
      const { verdict, atLeast, aim } = summary.verdict(target);
      return [target.row, verdict, atLeast, aim];
    });
  return `<h2>Against the targets</h2>${table(["target", "", "at least", "aim"], rows)}`;
}

function workloadSection(summary: Summary, workload: string): string {
  const { subject } = summary;
  const rows = summary.peers
    .filter((peer) => summary.rate(peer, workload) !== undefined)
    .map((peer) => {
      const us = (name: "p50Us" | "p99Us" | "p999Us" | "maxUs"): string =>
        formatMs(summary.figure(peer, workload, (one) => one.latencies?.[name]));
      const figure = (name: string): number | undefined =>
        summary.figure(peer, workload, (one) => one.figures?.[name]);
      return [
        peer,
        formatRate(summary.rate(peer, workload)),
        subject === undefined ? "-" : formatRatio(summary.ratio(subject, peer, workload)),
        us("p50Us"),
        us("p99Us"),
        us("p999Us"),
        us("maxUs"),
        formatMib(figure("peakResidentBytes")),
        formatMib(figure("bytesOnDisk")),
        formatRatio(figure("writeAmplification")),
      ];
    });
  const titles = [
    "store",
    "records/s",
    `${subject ?? "FastKV"} / it`,
    "p50 ms",
    "p99 ms",
    "p99.9 ms",
    "max ms",
    "MiB resident",
    "MiB on disk",
    "bytes written / put",
  ];
  return `<section><h3>${escapeMarkup(workload)}</h3>${ratesChart(summary, workload)}${table(titles, rows)}</section>`;
}
