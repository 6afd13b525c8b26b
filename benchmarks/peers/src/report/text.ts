/** The results as tables for a terminal. */

import { type Column, renderTable } from "fastkv-cli/kit/table";
import type { Measurement } from "../measure/measurement.js";
import { describeMachine, describeSettings, formatMib, formatMs, formatRate, formatRatio } from "./format.js";
import type { Summary } from "./summary.js";
import { targets } from "./targets.js";

export async function textReport(summary: Summary): Promise<string> {
  const sections = [
    [describeMachine(), describeSettings(summary.run.settings), ...peerLines(summary)].join("\n"),
    `Records per second, and how many times as fast as each peer ${summary.subject ?? "FastKV"} is`,
    await ratesTable(summary),
    "Latency in ms: p50 / p99 / p99.9 / longest",
    await latencyTable(summary),
    "Bytes: peak resident memory of all processes in MiB (pages of mapped files included), on disk in MiB, and written for each byte put; blocks that FastKV looked into for a get",
    await bytesTable(summary),
  ];
  if (summary.subject !== undefined) {
    sections.push(`Against the targets (ratios of ${summary.subject})`, await targetTable(summary));
  }
  const failures = summary.run.failures.map(
    (failure) => `FAILED: round ${failure.round + 1}, ${failure.group}, ${failure.peer}: ${failure.message}`,
  );
  return [...sections, ...failures].join("\n\n");
}

export function peerLines(summary: Summary): string[] {
  return summary.run.peers.map(({ name, settings, missing }) =>
    missing === undefined ? `${name}: ${settings}.` : `${name}: left out, ${missing}.`,
  );
}

function columns(names: readonly string[]): Column[] {
  return ["workload", ...names].map((title, index) => ({ title, align: index === 0 ? "left" : "right" }));
}

function ratesTable(summary: Summary): Promise<string> {
  const { peers, others, subject } = summary;
  const compared = subject === undefined ? [] : others;
  return renderTable(
    columns([...peers, ...compared.map((name) => `/ ${name}`)]),
    summary.workloads.map((workload) => [
      workload,
      ...peers.map((peer) => formatRate(summary.rate(peer, workload))),
      ...compared.map((other) => formatRatio(summary.ratio(subject!, other, workload))),
    ]),
  );
}

function latencyTable(summary: Summary): Promise<string> {
  const cell = (peer: string, workload: string): string => {
    const us = (pick: (one: NonNullable<Measurement["latencies"]>) => number): string =>
      formatMs(summary.figure(peer, workload, (one) => one.latencies && pick(one.latencies)));
    const cells = [
      us((one) => one.p50Us),
      us((one) => one.p99Us),
      us((one) => one.p999Us),
      us((one) => one.maxUs),
    ];
    return cells[0] === "-" ? "-" : cells.join(" / ");
  };
  return perPeer(summary, cell);
}

function bytesTable(summary: Summary): Promise<string> {
  const cell = (peer: string, workload: string): string => {
    const figure = (name: string): number | undefined =>
      summary.figure(peer, workload, (one) => one.figures?.[name]);
    const cells = [formatMib(figure("peakResidentBytes"))];
    if (figure("bytesOnDisk") !== undefined) {
      cells.push(formatMib(figure("bytesOnDisk")), formatRatio(figure("writeAmplification")));
    }
    const blocks = figure("blocksPerCall");
    return cells.join(" / ") + (blocks === undefined ? "" : `, ${blocks.toFixed(2)} blocks`);
  };
  return perPeer(summary, cell);
}

function perPeer(summary: Summary, cell: (peer: string, workload: string) => string): Promise<string> {
  return renderTable(
    columns(summary.peers),
    summary.workloads.map((workload) => [workload, ...summary.peers.map((peer) => cell(peer, workload))]),
  );
}

function targetTable(summary: Summary): Promise<string> {
  const titles: Column[] = [{ title: "target" }, { title: "" }, { title: "at least" }, { title: "aim" }];
  const rows = targets
    .filter((target) => summary.rate(summary.subject!, target.workload) !== undefined)
    .map((target) => {
      const { verdict, atLeast, aim } = summary.verdict(target);
      return [target.row, verdict, atLeast, aim];
    });
  return renderTable(titles, rows);
}
