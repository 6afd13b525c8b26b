/** The charts of the report. Colours come from the page's style, so that they fit light and dark mode. */

import { type ActivityKind, activityKinds } from "../activity.js";
import { formatRate, formatUs } from "../results-table.js";
import type { WorkloadResult } from "../runner.js";
import { element, linearScale, logScale, niceTicks, text } from "./svg.js";

const width = 860;
const left = 130;
const right = 30;
const textHeight = 4;

/** A bar per workload. */
export function throughputChart(results: readonly WorkloadResult[]): string {
  const rowHeight = 26;
  const bottom = results.length * rowHeight + 10;
  const ticks = niceTicks(Math.max(...results.map((result) => result.recordsPerSecond)));
  const x = linearScale(0, ticks.at(-1)!, left, width - right - 70);
  const grid = ticks.map((tick) => verticalLine(x(tick), 6, bottom, compactNumber(tick)));
  const bars = results.map((result, index) => {
    const y = 10 + index * rowHeight;
    const end = x(result.recordsPerSecond);
    const rate = formatRate(result.recordsPerSecond);
    return element(
      "g",
      {},
      element("title", {}, `${result.name}: ${rate} records/s`),
      text(result.name, { x: left - 8, y: y + 13 + textHeight, class: "label end" }),
      element("rect", {
        x: left,
        y: y + 3,
        width: Math.max(1, end - left),
        height: rowHeight - 8,
        class: "bar",
        rx: 2,
      }),
      text(rate, { x: end + 6, y: y + 13 + textHeight, class: "label" }),
    );
  });
  return svg(bottom + 24, "Throughput per workload in records per second", [...grid, ...bars]);
}

/** For each workload a line from the lowest to the highest latency, with marks at the percentiles. */
export function latencyChart(results: readonly WorkloadResult[]): string {
  const rowHeight = 30;
  const shown = results.filter((result) => result.latencies);
  const all = shown
    .flatMap((result) => result.latencies!.distribution.map(([, us]) => us))
    .filter((us) => us > 0);
  if (all.length === 0) {
    return "";
  }
  const from = 10 ** Math.floor(Math.log10(Math.min(...all)));
  const to = 10 ** Math.ceil(Math.log10(Math.max(...all)) + 1e-9);
  const x = logScale(from, to, left, width - right);
  const bottom = shown.length * rowHeight + 10;
  const grid: string[] = [];
  for (let tick = from; tick <= to * 1.0001; tick *= 10) {
    grid.push(verticalLine(x(tick), 6, bottom, tickLabel(tick)));
  }
  const rows = shown.map((result, index) => latencyRow(result, 10 + index * rowHeight + rowHeight / 2, x));
  return svg(bottom + 24, "Latency distribution per workload, logarithmic", [...grid, ...rows]);
}

/** Powers of ten: `0.1 us`, `10 us`, `1 ms`. */
function tickLabel(us: number): string {
  const [size, unit] = us < 1_000 ? [us, "us"] : us < 1_000_000 ? [us / 1_000, "ms"] : [us / 1_000_000, "s"];
  return `${Number(size.toPrecision(1))} ${unit}`;
}

function latencyRow(result: WorkloadResult, y: number, x: (us: number) => number): string {
  const { distribution, p50Us, p95Us, p99Us, p999Us, maxUs } = result.latencies!;
  const at = (percentile: number): number => x(distribution.find(([name]) => name === percentile)![1]);
  const marks = [
    ["p50", p50Us],
    ["p95", p95Us],
    ["p99", p99Us],
    ["p99.9", p999Us],
    ["max", maxUs],
  ] as const;
  return element(
    "g",
    {},
    text(result.name, { x: left - 8, y: y + textHeight, class: "label end" }),
    element("line", { x1: at(0), x2: at(100), y1: y, y2: y, class: "whisker" }),
    element("rect", {
      x: at(25),
      y: y - 7,
      width: Math.max(1, at(75) - at(25)),
      height: 14,
      class: "box",
      rx: 2,
    }),
    ...marks.map(([name, us], index) =>
      element(
        "circle",
        { cx: x(us), cy: y, r: 4, class: `mark mark-${index}` },
        element("title", {}, `${result.name} ${name}: ${formatUs(us)}`),
      ),
    ),
  );
}

const activityNames: Record<ActivityKind, string> = {
  flush: "flushes",
  compaction: "compactions",
  stall: "stalls",
};

/** Throughput over the time of one workload, with the shards' activities marked below. */
export function timelineChart(result: WorkloadResult): string {
  const chartBottom = 150;
  const rates = toRates(result);
  const inSeconds = result.elapsedMs >= 2_000;
  const unitMs = inSeconds ? 1_000 : 1;
  const xTicks = niceTicks(result.elapsedMs / unitMs, 8);
  const x = linearScale(0, Math.max(result.elapsedMs, 1), left, width - right);
  const yTicks = niceTicks(Math.max(...rates.map(([, rate]) => rate)), 4);
  const y = linearScale(0, yTicks.at(-1)!, chartBottom, 12);
  const grid = [
    ...yTicks.map((tick) =>
      element(
        "g",
        {},
        element("line", { x1: left, x2: width - right, y1: y(tick), y2: y(tick), class: "grid" }),
        text(compactNumber(tick), { x: left - 8, y: y(tick) + textHeight, class: "tick end" }),
      ),
    ),
    ...xTicks
      .filter((tick) => tick * unitMs <= result.elapsedMs)
      .map((tick) =>
        verticalLine(x(tick * unitMs), 12, chartBottom, `${compactNumber(tick)} ${inSeconds ? "s" : "ms"}`),
      ),
  ];
  const points = rates.map(
    ([atMs, rate], index) => `${index === 0 ? "M" : "L"}${x(atMs).toFixed(1)} ${y(rate).toFixed(1)}`,
  );
  const line = element("path", { d: points.join(""), class: "line", fill: "none" });
  const marks = result.activities.map((activity) => {
    const row = chartBottom + 24 + activityKinds.indexOf(activity.kind) * 13;
    const start = Math.min(x(activity.fromMs), width - right - 2);
    const end = Math.min(x(activity.toMs), width - right);
    const amount = activity.kind === "stall" ? `${Math.round(activity.count)} ms` : String(activity.count);
    return element(
      "rect",
      {
        x: start,
        y: row,
        width: Math.max(2, end - start),
        height: 9,
        class: `activity activity-${activity.kind}`,
      },
      element(
        "title",
        {},
        `${activityNames[activity.kind]}: ${amount}, until ${(activity.toMs / 1_000).toFixed(2)} s`,
      ),
    );
  });
  const names = activityKinds.map((kind, index) =>
    text(activityNames[kind], { x: left - 8, y: chartBottom + 32 + index * 13, class: "tick end" }),
  );
  return svg(chartBottom + 66, `${result.name}: records per second over time`, [
    ...grid,
    line,
    ...marks,
    ...names,
  ]);
}

/** Records per second between samples, at the middle of each interval. */
function toRates(result: WorkloadResult): [atMs: number, rate: number][] {
  const rates: [number, number][] = [];
  let last = { atMs: 0, operations: 0 };
  for (const sample of result.samples) {
    const elapsedMs = sample.atMs - last.atMs;
    // The last sample may come immediately after the one before, and would only show noise.
    if (elapsedMs >= 10 || rates.length === 0) {
      const rate = ((sample.operations - last.operations) / Math.max(elapsedMs, 0.001)) * 1_000;
      rates.push([(sample.atMs + last.atMs) / 2, rate]);
      last = sample;
    }
  }
  // A line needs two ends, even if everything was over before the second sample.
  return [[0, rates[0]![1]], ...rates, [result.elapsedMs, rates.at(-1)![1]]];
}

function verticalLine(x: number, top: number, bottom: number, label: string): string {
  return element(
    "g",
    {},
    element("line", { x1: x, x2: x, y1: top, y2: bottom, class: "grid" }),
    text(label, { x, y: bottom + 14, class: "tick middle" }),
  );
}

function svg(height: number, title: string, children: string[]): string {
  return element(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title },
    element("title", {}, title),
    ...children,
  );
}

function compactNumber(value: number): string {
  return new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 }).format(value);
}
