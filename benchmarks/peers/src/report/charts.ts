/**
 * The charts of the page: bars for throughput, lines over time. Colours come from the page's style, by the peer's
 * position.
 */

import { element, linearScale, niceTicks, text } from "fastkv-plugin-benchmark/report/svg";
import { formatRate } from "./format.js";
import type { Summary } from "./summary.js";

const width = 860;
const left = 130;
const right = 30;
const labelHeight = 4;
const barHeight = 16;
const labelWidth = 60;

/** A bar for each peer: records per second in one workload. */
export function ratesChart(summary: Summary, workload: string): string {
  const rows = summary.peers.flatMap((peer, place) => {
    const rate = summary.rate(peer, workload);
    return rate === undefined ? [] : [{ peer, place, rate }];
  });
  const x = linearScale(0, Math.max(...rows.map((row) => row.rate)), left, width - right - labelWidth);
  const bars = rows.map(({ peer, place, rate }, index) => {
    const y = 4 + index * (barHeight + 4);
    const height = barHeight;
    return element(
      "g",
      {},
      element("title", {}, `${peer}: ${Math.round(rate).toLocaleString("en")} records/s`),
      text(peer, { x: left - 8, y: y + barHeight / 2 + labelHeight, class: "label end" }),
      element("rect", {
        x: left,
        y,
        width: Math.max(1, x(rate) - left),
        height,
        class: `fill-${place}`,
        rx: 2,
      }),
      text(formatRate(rate), { x: x(rate) + 6, y: y + barHeight / 2 + labelHeight, class: "label" }),
    );
  });
  return svg(rows.length * (barHeight + 4) + 8, `${workload}: records per second`, bars);
}

/** A line for each peer: records per second over the time of the first round. */
export function timelineChart(summary: Summary, workload: string): string {
  const bottom = 150;
  const lines = summary.peers.flatMap((peer, place) => {
    const timeline = summary.measurements(peer, workload)[0]?.timeline;
    if (timeline === undefined || timeline.entries.length < 3) {
      return [];
    }
    // The last slice is not complete.
    const { points, stepMs } = thinned(timeline.entries.slice(0, -1), timeline.sliceMs);
    return [{ peer, place, points, stepMs }];
  });
  if (lines.length === 0) {
    return "";
  }
  const seconds = Math.max(...lines.map((line) => (line.points.length * line.stepMs) / 1_000));
  const rates = niceTicks(Math.max(...lines.flatMap((line) => line.points)), 4);
  const x = linearScale(0, seconds, left, width - right);
  const y = linearScale(0, rates.at(-1)!, bottom, 12);
  const grid = [
    ...rates.map((rate) =>
      element(
        "g",
        {},
        element("line", { x1: left, x2: width - right, y1: y(rate), y2: y(rate), class: "grid" }),
        text(formatRate(rate), { x: left - 8, y: y(rate) + labelHeight, class: "tick end" }),
      ),
    ),
    ...niceTicks(seconds, 8)
      .filter((tick) => tick <= seconds)
      .map((tick) => text(`${tick} s`, { x: x(tick), y: bottom + 16, class: "tick middle" })),
  ];
  const paths = lines.map(({ peer, place, points, stepMs }) => {
    const d = points
      .map((rate, index) => {
        const atSeconds = ((index + 0.5) * stepMs) / 1_000;
        return `${index === 0 ? "M" : "L"}${x(atSeconds).toFixed(1)} ${y(rate).toFixed(1)}`;
      })
      .join("");
    return element("path", { d, class: `stroke-${place}`, fill: "none" }, element("title", {}, peer));
  });
  return svg(bottom + 28, `${workload}: records per second over time`, [...grid, ...paths]);
}

const maxPoints = 400;

/** Rates per second. Adjacent slices are combined if there are more than can be drawn. */
function thinned(entries: readonly number[], sliceMs: number): { points: number[]; stepMs: number } {
  const together = Math.ceil(entries.length / maxPoints);
  const stepMs = sliceMs * together;
  const points: number[] = [];
  for (let at = 0; at + together <= entries.length; at += together) {
    const sum = entries.slice(at, at + together).reduce((total, count) => total + count, 0);
    points.push((sum / stepMs) * 1_000);
  }
  return { points, stepMs };
}

function svg(height: number, title: string, children: string[]): string {
  return element(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title },
    element("title", {}, title),
    ...children,
  );
}
